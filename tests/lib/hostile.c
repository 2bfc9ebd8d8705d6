/*
 * hostile WAY DEVICE COUNT: what root on one box of a link can try, to send COUNT frames to the other.
 *
 * Ways: udp, raw, icmp (sockets of the network), packet, bypass (AF_PACKET, through the queues and past them), xdp
 * (AF_XDP in copy mode); and frames of one kind each, past the queues: `hostile kinds` lists them.
 * The frames go from 10.77.0.2 at 02:00:00:00:00:02 to 10.77.0.1 at 02:00:00:00:00:01 (tests/lib/link.sh).  Says how
 * many the kernel took; which of them arrive is for others to see.
 *
 * The other way, from the sender's end: frames that ask the receiver's kernel for an answer, `hostile questions` lists
 * them.  COUNT 0: until SIGTERM, also while the link is down.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME_BYTES = 60, HEADER_BYTES = 14, CHUNK_BYTES = 2048, CHUNKS = 64, BURST = 32, CLOSED_PORT = 9, OPEN_PORT = 4747 };

static const uint8_t to_sender[6] = {2, 0, 0, 0, 0, 1}, from_receiver[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t address[8] = {10, 77, 0, 2, 10, 77, 0, 1}; /* from, to */

static int fail(const char *what)
{
	fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
	return 2;
}

static void put_u16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static unsigned int sum_of(const uint8_t *data, size_t len)
{
	unsigned int sum = 0;
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (unsigned int)data[i] << 8 | data[i + 1];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* A whole frame; rest begins behind the type. */
static void frame_of(uint8_t *frame, const uint8_t *to, unsigned int type, const uint8_t *rest, size_t len)
{
	memset(frame, 0, FRAME_BYTES);
	memcpy(frame, to, 6);
	memcpy(frame + 6, from_receiver, 6);
	put_u16(frame + 12, type);
	memcpy(frame + HEADER_BYTES, rest, len);
}

/* An IPv4 packet of 46 bytes, with the payload from byte 20. */
static void packet_of(uint8_t *out, unsigned int protocol, unsigned int offset, const uint8_t *payload, size_t len)
{
	memset(out, 0, FRAME_BYTES - HEADER_BYTES);
	out[0] = 0x45;
	put_u16(out + 2, FRAME_BYTES - HEADER_BYTES);
	put_u16(out + 6, offset);
	out[8] = 64;
	out[9] = (uint8_t)protocol;
	memcpy(out + 12, address, sizeof(address));
	put_u16(out + 10, sum_of(out, 20));
	memcpy(out + 20, payload, len);
}

static void udp_packet(uint8_t *out, unsigned int port)
{
	uint8_t udp[26] = {0};
	put_u16(udp, OPEN_PORT);
	put_u16(udp + 2, port);
	put_u16(udp + 4, sizeof(udp));
	memcpy(udp + 8, "WEIR-HOSTILE", 12);
	packet_of(out, IPPROTO_UDP, 0, udp, sizeof(udp));
}

static void icmp_packet(uint8_t *out, unsigned int type, unsigned int code, const uint8_t *quoted, size_t len)
{
	uint8_t icmp[26] = {(uint8_t)type, (uint8_t)code};
	if (quoted != NULL)
		memcpy(icmp + 8, quoted, len);
	put_u16(icmp + 2, sum_of(icmp, sizeof(icmp)));
	packet_of(out, IPPROTO_ICMP, 0, icmp, sizeof(icmp));
}

enum { PACKET_BYTES = FRAME_BYTES - HEADER_BYTES };

static void of_udp(uint8_t *frame, unsigned int port, const uint8_t *to)
{
	uint8_t packet[PACKET_BYTES];
	udp_packet(packet, port);
	frame_of(frame, to, ETH_P_IP, packet, sizeof(packet));
}
static void make_udp_open(uint8_t *frame) { of_udp(frame, OPEN_PORT, to_sender); }
static void make_udp_closed(uint8_t *frame) { of_udp(frame, CLOSED_PORT, to_sender); }
static void make_udp_broadcast(uint8_t *frame)
{
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
	of_udp(frame, OPEN_PORT, all);
}
static void make_tcp_syn(uint8_t *frame)
{
	uint8_t packet[PACKET_BYTES], tcp[20] = {0};
	put_u16(tcp, OPEN_PORT);
	put_u16(tcp + 2, 22);
	tcp[12] = 0x50;
	tcp[13] = 2;
	packet_of(packet, IPPROTO_TCP, 0, tcp, sizeof(tcp));
	frame_of(frame, to_sender, ETH_P_IP, packet, sizeof(packet));
}
static void make_fragment(uint8_t *frame)
{
	uint8_t packet[PACKET_BYTES], rest[16] = "WEIR-HOSTILE";
	packet_of(packet, IPPROTO_UDP, 0x2000, rest, sizeof(rest));
	frame_of(frame, to_sender, ETH_P_IP, packet, sizeof(packet));
}
static void make_echo(uint8_t *frame)
{
	uint8_t packet[PACKET_BYTES];
	icmp_packet(packet, 8, 0, NULL, 0);
	frame_of(frame, to_sender, ETH_P_IP, packet, sizeof(packet));
}
/* As if a datagram of the sender had found a closed port. */
static void make_unreachable(uint8_t *frame)
{
	uint8_t packet[PACKET_BYTES], quoted[PACKET_BYTES];
	udp_packet(quoted, OPEN_PORT);
	memcpy(quoted + 12, address + 4, 4);
	memcpy(quoted + 16, address, 4);
	icmp_packet(packet, 3, 3, quoted, 18);
	frame_of(frame, to_sender, ETH_P_IP, packet, sizeof(packet));
}
static void make_igmp(uint8_t *frame)
{
	uint8_t packet[PACKET_BYTES], query[8] = {0x11, 100};
	put_u16(query + 2, sum_of(query, sizeof(query)));
	packet_of(packet, IPPROTO_IGMP, 0, query, sizeof(query));
	frame_of(frame, to_sender, ETH_P_IP, packet, sizeof(packet));
}
static void of_arp(uint8_t *frame, unsigned int operation)
{
	uint8_t arp[28] = {0, 1, 8, 0, 6, 4};
	put_u16(arp + 6, operation);
	memcpy(arp + 8, from_receiver, 6);
	memcpy(arp + 14, address, 4);
	memcpy(arp + 24, address + 4, 4);
	frame_of(frame, to_sender, ETH_P_ARP, arp, sizeof(arp));
}
static void make_arp_request(uint8_t *frame) { of_arp(frame, 1); }
static void make_arp_reply(uint8_t *frame) { of_arp(frame, 2); }
static void of_icmp6(uint8_t *frame, unsigned int type)
{
	uint8_t packet[46] = {0x60, 0, 0, 0, 0, 6, IPPROTO_ICMPV6, 255, 0xfe, 0x80};
	packet[23] = 2;
	packet[24] = 0xff;
	packet[25] = 2;
	packet[39] = 1;
	packet[40] = (uint8_t)type;
	frame_of(frame, to_sender, ETH_P_IPV6, packet, sizeof(packet));
}
static void make_neighbour_solicitation(uint8_t *frame) { of_icmp6(frame, 135); }
static void make_router_advertisement(uint8_t *frame) { of_icmp6(frame, 134); }
static void of_type(uint8_t *frame, const uint8_t *to, unsigned int type)
{
	static const uint8_t rest[16] = {0, 1, 255, 255};
	frame_of(frame, to, type, rest, sizeof(rest));
}
static const uint8_t link_local[6] = {1, 0x80, 0xc2, 0, 0, 14}, slow[6] = {1, 0x80, 0xc2, 0, 0, 2},
	     pausing[6] = {1, 0x80, 0xc2, 0, 0, 1}, tree[6] = {1, 0x80, 0xc2, 0, 0, 0};
static void make_lldp(uint8_t *frame) { of_type(frame, link_local, 0x88cc); }
static void make_pause(uint8_t *frame) { of_type(frame, pausing, 0x8808); }
static void make_lacp(uint8_t *frame) { of_type(frame, slow, 0x8809); }
static void make_stp(uint8_t *frame) { of_type(frame, tree, 38); }
static void make_vlan(uint8_t *frame) { of_type(frame, to_sender, 0x8100); }
static void make_unknown(uint8_t *frame) { of_type(frame, to_sender, 0x1234); }

static const struct kind {
	const char *name;
	void (*make)(uint8_t *frame);
} kinds[] = {
	{"udp-open", make_udp_open}, {"udp-closed", make_udp_closed}, {"udp-broadcast", make_udp_broadcast},
	{"tcp-syn", make_tcp_syn}, {"fragment", make_fragment}, {"echo", make_echo}, {"unreachable", make_unreachable},
	{"igmp", make_igmp}, {"arp-request", make_arp_request}, {"arp-reply", make_arp_reply},
	{"neighbour-solicitation", make_neighbour_solicitation}, {"router-advertisement", make_router_advertisement},
	{"lldp", make_lldp}, {"pause", make_pause}, {"lacp", make_lacp}, {"stp", make_stp}, {"vlan", make_vlan},
	{"unknown", make_unknown},
};
enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

/* ---- questions: each gives the length of its frame ---- */

enum { QUESTION_BYTES = 96, IP6_BYTES = 40, SOLICITATION_BYTES = 32 };

/* The same frame from the other end: sums do not change when two addresses change places. */
static size_t turn_round(uint8_t *frame)
{
	memcpy(frame, from_receiver, 6);
	memcpy(frame + 6, to_sender, 6);
	memcpy(frame + 26, address + 4, 4);
	memcpy(frame + 30, address, 4);
	return FRAME_BYTES;
}

static size_t ask_datagram(uint8_t *frame) { make_udp_open(frame); return turn_round(frame); }
static size_t ask_closed_port(uint8_t *frame) { make_udp_closed(frame); return turn_round(frame); }
static size_t ask_ping(uint8_t *frame) { make_echo(frame); return turn_round(frame); }

/* A port that nobody listens at, with a sum that is right: the answer would be a reset. */
static size_t ask_tcp(uint8_t *frame)
{
	uint8_t tcp[12 + 26] = {10, 77, 0, 1, 10, 77, 0, 2, 0, IPPROTO_TCP, 0, 26}, packet[PACKET_BYTES];
	put_u16(tcp + 12, OPEN_PORT);
	put_u16(tcp + 14, 22);
	tcp[12 + 12] = 0x50;
	tcp[12 + 13] = 2;
	put_u16(tcp + 12 + 16, sum_of(tcp, sizeof(tcp)));
	packet_of(packet, IPPROTO_TCP, 0, tcp + 12, 26);
	frame_of(frame, to_sender, ETH_P_IP, packet, sizeof(packet));
	return turn_round(frame);
}

/* For somebody behind the receiver: who forwards says that its time is over. */
static size_t ask_ttl_1(uint8_t *frame)
{
	static const uint8_t behind[4] = {10, 88, 0, 1};
	make_udp_open(frame);
	turn_round(frame);
	frame[HEADER_BYTES + 8] = 1;
	memcpy(frame + 30, behind, sizeof(behind));
	put_u16(frame + HEADER_BYTES + 10, 0);
	put_u16(frame + HEADER_BYTES + 10, sum_of(frame + HEADER_BYTES, 20));
	return FRAME_BYTES;
}

static size_t ask_arp(uint8_t *frame)
{
	uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1};
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
	memcpy(arp + 8, to_sender, 6);
	memcpy(arp + 14, address + 4, 4);
	memcpy(arp + 24, address, 4);
	frame_of(frame, all, ETH_P_ARP, arp, sizeof(arp));
	memcpy(frame + 6, to_sender, 6);
	return FRAME_BYTES;
}

/* Who has fe80::ff:fe00:2, the address that a kernel makes of the receiver's MAC; from the sender's. */
static size_t ask_neighbour_discovery(uint8_t *frame)
{
	static const uint8_t group[6] = {0x33, 0x33, 255, 0, 0, 2};
	static const uint8_t own[16] = {0xfe, 0x80, [11] = 255, 0xfe, 0, 0, 1}, its[16] = {0xfe, 0x80, [11] = 255, 0xfe, 0, 0, 2},
			     to[16] = {255, 2, [11] = 1, 255, 0, 0, 2};
	uint8_t *ip = frame + HEADER_BYTES, *icmp = ip + IP6_BYTES;
	memcpy(frame, group, 6);
	memcpy(frame + 6, to_sender, 6);
	put_u16(frame + 12, ETH_P_IPV6);
	memset(ip, 0, IP6_BYTES + SOLICITATION_BYTES);
	memcpy(ip + 8, own, 16);
	memcpy(ip + 24, to, 16);
	icmp[0] = 135;
	memcpy(icmp + 8, its, 16);
	icmp[24] = icmp[25] = 1; /* and where to answer */
	memcpy(icmp + 26, to_sender, 6);
	/* over addresses, length and type; the place of the version is zero until then */
	put_u16(ip + 4, SOLICITATION_BYTES);
	ip[7] = IPPROTO_ICMPV6;
	put_u16(icmp + 2, sum_of(ip, IP6_BYTES + SOLICITATION_BYTES));
	ip[0] = 0x60;
	ip[6] = IPPROTO_ICMPV6;
	ip[7] = 255;
	return HEADER_BYTES + IP6_BYTES + SOLICITATION_BYTES;
}

static const struct question {
	const char *name;
	size_t (*make)(uint8_t *frame);
} questions[] = {
	{"datagram", ask_datagram}, {"closed-port", ask_closed_port}, {"ping", ask_ping}, {"tcp", ask_tcp},
	{"ttl-1", ask_ttl_1}, {"arp", ask_arp}, {"neighbour-discovery", ask_neighbour_discovery},
};
enum { QUESTION_COUNT = sizeof(questions) / sizeof(questions[0]), BATCH = 64 };

/* ---- ways ---- */

static unsigned int report(unsigned int taken)
{
	printf("%u\n", taken);
	return 0;
}

static int by_ip(const char *device, unsigned int count, int type, int protocol, const uint8_t *data, size_t len)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(type == SOCK_DGRAM ? OPEN_PORT : 0)};
	memcpy(&to.sin_addr, address + 4, 4);
	int fd = socket(AF_INET, type, protocol);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)) < 0)
		return fail("socket");
	unsigned int taken = 0;
	for (unsigned int i = 0; i < count; i++)
		taken += sendto(fd, data, len, 0, (struct sockaddr *)&to, sizeof(to)) == (ssize_t)len;
	close(fd);
	return (int)report(taken);
}

static int by_packet(const char *device, unsigned int count, int bypasses, const uint8_t *frame)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(device), .sll_halen = 6};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &bypasses, sizeof(bypasses)) < 0)
		return fail("AF_PACKET");
	unsigned int taken = 0;
	for (unsigned int i = 0; i < count; i++)
		taken += sendto(fd, frame, FRAME_BYTES, 0, (struct sockaddr *)&to, sizeof(to)) == FRAME_BYTES;
	close(fd);
	return (int)report(taken);
}

/* The queue of an AF_XDP socket, of ring entries of that size. */
static uint8_t *ring_of(int fd, int option, off_t place, const struct xdp_ring_offset *offset, size_t entry)
{
	const int entries = CHUNKS;
	if (setsockopt(fd, SOL_XDP, option, &entries, sizeof(entries)) < 0)
		return NULL;
	uint8_t *ring = mmap(NULL, offset->desc + CHUNKS * entry, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			     fd, place);
	return ring == MAP_FAILED ? NULL : ring;
}

static int by_xdp(const char *device, unsigned int count, const uint8_t *frame)
{
	const int entries = CHUNKS;
	uint8_t *chunks = mmap(NULL, CHUNKS * CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = socket(AF_XDP, SOCK_RAW, 0);
	if (fd < 0 || chunks == MAP_FAILED)
		return fail("AF_XDP");
	struct xdp_umem_reg memory = {.addr = (uintptr_t)chunks, .len = CHUNKS * CHUNK_BYTES, .chunk_size = CHUNK_BYTES};
	if (setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &memory, sizeof(memory)) < 0 ||
	    setsockopt(fd, SOL_XDP, XDP_UMEM_FILL_RING, &entries, sizeof(entries)) < 0)
		return fail("memory of AF_XDP");
	/* the offsets are the same for rings of any size */
	struct xdp_mmap_offsets offsets;
	socklen_t len = sizeof(offsets);
	if (getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &len) < 0)
		return fail("rings of AF_XDP");
	uint8_t *tx = ring_of(fd, XDP_TX_RING, XDP_PGOFF_TX_RING, &offsets.tx, sizeof(struct xdp_desc));
	uint8_t *done = ring_of(fd, XDP_UMEM_COMPLETION_RING, XDP_UMEM_PGOFF_COMPLETION_RING, &offsets.cr, sizeof(uint64_t));
	struct sockaddr_xdp to = {.sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY, .sxdp_ifindex = if_nametoindex(device)};
	if (tx == NULL || done == NULL || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return fail("AF_XDP at that device");
	struct xdp_desc *slots = (struct xdp_desc *)(void *)(tx + offsets.tx.desc);
	uint32_t *put = (uint32_t *)(void *)(tx + offsets.tx.producer);
	uint32_t *gone = (uint32_t *)(void *)(done + offsets.cr.producer), *seen = (uint32_t *)(void *)(done + offsets.cr.consumer);
	for (unsigned int i = 0; i < count; i++) {
		memcpy(chunks + (size_t)(i % CHUNKS) * CHUNK_BYTES, frame, FRAME_BYTES);
		slots[i % CHUNKS] = (struct xdp_desc){.addr = (uint64_t)(i % CHUNKS) * CHUNK_BYTES, .len = FRAME_BYTES};
		__atomic_store_n(put, i + 1, __ATOMIC_RELEASE);
		for (unsigned int tries = 0; __atomic_load_n(gone, __ATOMIC_ACQUIRE) != i + 1 && tries < 1000; tries++) {
			(void)sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
			usleep(100);
		}
		__atomic_store_n(seen, i + 1, __ATOMIC_RELEASE);
	}
	unsigned int taken = __atomic_load_n(gone, __ATOMIC_ACQUIRE);
	close(fd);
	return (int)report(taken);
}

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* Past the queues, many at a time.  What a link that is down does not take is given up. */
static int ask(const char *device, unsigned int count, const struct question *question)
{
	static uint8_t frame[QUESTION_BYTES];
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(device), .sll_halen = 6};
	struct iovec piece = {frame, question->make(frame)};
	struct mmsghdr batch[BATCH];
	struct sigaction action = {.sa_handler = stop};
	const int one = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) < 0 ||
	    sigaction(SIGTERM, &action, NULL) < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
		return fail("AF_PACKET");
	for (size_t i = 0; i < BATCH; i++)
		batch[i].msg_hdr = (struct msghdr){.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &piece, .msg_iovlen = 1};
	unsigned int taken = 0;
	for (unsigned int tried = 0; !stopped && (count == 0 || tried < count);) {
		int n = sendmmsg(fd, batch, count == 0 || count - tried > BATCH ? BATCH : count - tried, 0);
		if (n <= 0)
			usleep(100);
		taken += n > 0 ? (unsigned int)n : 0;
		tried += n > 0 ? (unsigned int)n : 1;
	}
	close(fd);
	return (int)report(taken);
}

int main(int argc, char **argv)
{
	uint8_t frame[FRAME_BYTES], packet[PACKET_BYTES];
	if (argc == 2 && strcmp(argv[1], "kinds") == 0) {
		for (size_t i = 0; i < KIND_COUNT; i++)
			puts(kinds[i].name);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "questions") == 0) {
		for (size_t i = 0; i < QUESTION_COUNT; i++)
			puts(questions[i].name);
		return 0;
	}
	if (argc != 4)
		return fail("WAY DEVICE COUNT");
	const char *way = argv[1], *device = argv[2];
	unsigned int count = (unsigned int)strtoul(argv[3], NULL, 10);
	make_udp_open(frame);
	udp_packet(packet, OPEN_PORT);
	if (strcmp(way, "udp") == 0)
		return by_ip(device, count, SOCK_DGRAM, 0, (const uint8_t *)"WEIR-HOSTILE", 12);
	if (strcmp(way, "raw") == 0)
		return by_ip(device, count, SOCK_RAW, IPPROTO_RAW, packet, sizeof(packet));
	if (strcmp(way, "icmp") == 0) {
		icmp_packet(packet, 8, 0, NULL, 0);
		return by_ip(device, count, SOCK_RAW, IPPROTO_ICMP, packet + 20, sizeof(packet) - 20);
	}
	if (strcmp(way, "packet") == 0)
		return by_packet(device, count, 0, frame);
	if (strcmp(way, "bypass") == 0)
		return by_packet(device, count, 1, frame);
	if (strcmp(way, "xdp") == 0)
		return by_xdp(device, count, frame);
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (strcmp(way, kinds[i].name) == 0) {
			kinds[i].make(frame);
			return by_packet(device, count, 1, frame);
		}
	for (size_t i = 0; i < QUESTION_COUNT; i++)
		if (strcmp(way, questions[i].name) == 0)
			return ask(device, count, &questions[i]);
	errno = EINVAL;
	return fail(way);
}
