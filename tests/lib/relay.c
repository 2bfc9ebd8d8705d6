/*
 * relay: forwards UDP datagrams from one address to another, and on the way loses, damages,
 * doubles and shuffles what it is told to, from a seed.  It loses nothing of itself, or says so
 * ("overflow" in its report).
 *
 *   relay --listen ADDRESS:PORT --to ADDRESS:PORT [--report FILE] [effects]
 *     --seed N               printed; from the clock when not given
 *     --loss PERMILLE        each datagram for itself
 *     --lose-beats PERMILLE  each heartbeat for itself, beside the others, or beginning of a step of a link test
 *     --damage PERMILLE      one bit of it is flipped
 *     --duplicate PERMILLE   sent twice
 *     --reorder WINDOW       leaves in random order among WINDOW datagrams
 *     --burst START:LENGTH   data datagrams (or load of a link test) START to START+LENGTH-1, from 1
 *     --bursts FILE          line n, "START LENGTH": that burst of bundle number n alone
 *     --drop-row NUMBER:BLOCK:FIRST:LAST   these rows of a block of a bundle
 *     --hold FILE            while this file exists, everything is lost
 *     --rows FILE            a line for each data datagram, lost or not: ROUTEID NUMBER BLOCK ROW BYTES
 *
 * Rows and numbers are read from the data header (LINK.md 1) without any check: a relay has no key.
 * Writes its report, JSON, on SIGTERM.  Prints "ready" once it listens.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 64,            /* messages a system call */
	TRAIN_BYTES = 65536,   /* a train as UDP_GRO gives it */
	OUT_SEGMENTS = 64,     /* the kernel's UDP_MAX_SEGMENTS */
	OUT_BYTES = 65000,     /* of one train sent */
	DATAGRAM_SIZE = 9216,
	BUNDLES = 65536,
	DROP_ROWS = 64,
	SOCKET_BYTES = 512 << 20,
	MEMINFO_DROPS = 8,     /* SK_MEMINFO_DROPS */
};

struct burst {
	uint64_t start;
	uint64_t length;
};

struct drop_row {
	uint64_t number;
	unsigned int block, first, last;
};

struct counters {
	uint64_t received, bytes, forwarded, lost, damaged, duplicated, shuffled, send_errors;
	uint64_t data, control;
};

struct slot {
	uint16_t len;
	uint8_t bytes[DATAGRAM_SIZE];
};

/* A train being gathered: equal lengths but for the last. */
struct train {
	struct iovec parts[OUT_SEGMENTS];
	unsigned int count;
	size_t bytes;
	uint16_t segment;
	bool closed; /* a shorter one was added: the last */
};

struct relay {
	struct sockaddr_in listen, to;
	const char *report, *hold;
	uint64_t seed, state;
	unsigned int loss, lose_beats, damage, duplicate;
	size_t window;
	struct burst burst;
	FILE *row_log;             /* --rows, or NULL */
	struct burst *bursts;      /* by bundle number, BUNDLES of them, or NULL */
	uint64_t *seen;            /* data datagrams of each bundle number */
	struct drop_row rows[DROP_ROWS];
	size_t row_count;
	struct slot *slots;        /* --reorder */
	size_t slots_used;
	int in, out;
	struct train trains[BATCH * 4];
	unsigned int train_count;
	struct counters n;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t draw(struct relay *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* True in `permille` of 1000 draws; draws nothing when it cannot be. */
static bool chance(struct relay *r, unsigned int permille)
{
	return permille > 0 && draw(r) % 1000 < permille;
}

/* ---- sending ---- */

static void send_trains(struct relay *r)
{
	struct mmsghdr messages[BATCH];
	_Alignas(struct cmsghdr) uint8_t controls[BATCH][CMSG_SPACE(sizeof(uint16_t))];
	for (unsigned int done = 0; done < r->train_count;) {
		unsigned int count = r->train_count - done < BATCH ? r->train_count - done : BATCH;
		memset(messages, 0, sizeof(messages[0]) * count);
		for (unsigned int i = 0; i < count; i++) {
			struct train *train = &r->trains[done + i];
			struct msghdr *m = &messages[i].msg_hdr;
			m->msg_name = &r->to;
			m->msg_namelen = sizeof(r->to);
			m->msg_iov = train->parts;
			m->msg_iovlen = train->count;
			if (train->count == 1)
				continue;
			m->msg_control = controls[i];
			m->msg_controllen = sizeof(controls[i]);
			struct cmsghdr *c = CMSG_FIRSTHDR(m);
			c->cmsg_level = SOL_UDP;
			c->cmsg_type = UDP_SEGMENT;
			c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
			memcpy(CMSG_DATA(c), &train->segment, sizeof(train->segment));
		}
		int sent = sendmmsg(r->out, messages, count, 0);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			/* The first of them failed: counted, and the others go on. */
			r->n.send_errors += r->trains[done].count;
			sent = 1;
		}
		done += (unsigned int)sent;
	}
	r->train_count = 0;
}

static void put(struct relay *r, uint8_t *bytes, uint16_t len)
{
	struct train *train = r->train_count > 0 ? &r->trains[r->train_count - 1] : NULL;
	if (train == NULL || train->closed || train->count == OUT_SEGMENTS ||
	    train->bytes + len > OUT_BYTES || len > train->segment) {
		if (r->train_count == sizeof(r->trains) / sizeof(r->trains[0]))
			send_trains(r);
		train = &r->trains[r->train_count++];
		*train = (struct train){.segment = len};
	}
	train->parts[train->count++] = (struct iovec){bytes, len};
	train->bytes += len;
	train->closed = len < train->segment;
	r->n.forwarded++;
}

/* ---- what happens to a datagram ---- */

static uint64_t read_le(const uint8_t *in, size_t len)
{
	uint64_t value = 0;
	for (size_t i = len; i-- > 0;)
		value = value << 8 | in[i];
	return value;
}

static bool falls_in(const struct burst *burst, uint64_t n)
{
	return n >= burst->start && n - burst->start < burst->length;
}

/* Burst and row rules, which know the header. */
static bool is_chosen(struct relay *r, const uint8_t *bytes, uint16_t len)
{
	if (len > 80 && bytes[17] == 3 && bytes[22] == 2) /* load of a link test: LINK.md 8 */
		return falls_in(&r->burst, ++r->n.data);
	if (len < 64 || bytes[17] != 1) {
		r->n.control++;
		return false;
	}
	bool chosen = falls_in(&r->burst, ++r->n.data);
	uint64_t number = read_le(bytes + 40, 6);
	unsigned int block = (unsigned int)read_le(bytes + 20, 2), row = bytes[54];
	if (r->row_log != NULL)
		fprintf(r->row_log, "%u %llu %u %u %u\n", (unsigned int)read_le(bytes + 18, 2),
			(unsigned long long)number, block, row, len - 64U);
	if (r->bursts != NULL && number < BUNDLES)
		chosen |= falls_in(&r->bursts[number], ++r->seen[number]);
	for (size_t i = 0; i < r->row_count; i++)
		chosen |= r->rows[i].number == number && r->rows[i].block == block &&
			  row >= r->rows[i].first && row <= r->rows[i].last;
	return chosen;
}

static void shuffle(struct relay *r, const uint8_t *bytes, uint16_t len)
{
	if (r->slots_used < r->window) {
		struct slot *slot = &r->slots[r->slots_used++];
		slot->len = len;
		memcpy(slot->bytes, bytes, len);
		return;
	}
	struct slot *slot = &r->slots[draw(r) % r->window];
	put(r, slot->bytes, slot->len);
	/* The slot is sent before it is filled again. */
	send_trains(r);
	slot->len = len;
	memcpy(slot->bytes, bytes, len);
	r->n.shuffled++;
}

static void shuffle_out(struct relay *r)
{
	for (; r->slots_used > 0; r->slots_used--) {
		struct slot *last = &r->slots[r->slots_used - 1];
		struct slot *slot = &r->slots[draw(r) % r->slots_used];
		put(r, slot->bytes, slot->len);
		send_trains(r);
		if (slot != last) {
			slot->len = last->len;
			memcpy(slot->bytes, last->bytes, last->len);
		}
	}
}

static void pass(struct relay *r, uint8_t *bytes, uint16_t len)
{
	r->n.received++;
	r->n.bytes += len;
	bool chosen = is_chosen(r, bytes, len);
	bool begins_step = len == 80 && bytes[17] == 3 && bytes[22] == 0;
	bool is_beat = begins_step || (len >= 48 && memcmp(bytes + 40, "WEIRBEAT", 8) == 0);
	if (is_beat && chance(r, r->lose_beats))
		chosen = true;
	if (chance(r, r->loss) || chosen || len > DATAGRAM_SIZE) {
		r->n.lost++;
		return;
	}
	if (chance(r, r->damage) && len > 0) {
		uint64_t bit = draw(r) % (len * 8U);
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		r->n.damaged++;
	}
	bool twice = chance(r, r->duplicate);
	r->n.duplicated += twice;
	for (int i = 0; i <= twice; i++)
		if (r->window > 0)
			shuffle(r, bytes, len);
		else
			put(r, bytes, len);
}

/* ---- receiving ---- */

static uint16_t segment_of(struct msghdr *m, size_t len)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			int size;
			memcpy(&size, CMSG_DATA(c), sizeof(size));
			return (uint16_t)size;
		}
	return (uint16_t)len;
}

static bool receive(struct relay *r, uint8_t (*trains)[TRAIN_BYTES])
{
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	_Alignas(struct cmsghdr) uint8_t controls[BATCH][CMSG_SPACE(sizeof(int))];
	memset(messages, 0, sizeof(messages));
	for (unsigned int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){trains[i], TRAIN_BYTES};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
		messages[i].msg_hdr.msg_control = controls[i];
		messages[i].msg_hdr.msg_controllen = sizeof(controls[i]);
	}
	int count = recvmmsg(r->in, messages, BATCH, MSG_DONTWAIT, NULL);
	if (count < 0 && errno != EAGAIN && errno != EINTR)
		die("recvmmsg");
	bool held = r->hold != NULL && access(r->hold, F_OK) == 0;
	for (int i = 0; i < count; i++) {
		size_t len = messages[i].msg_len;
		uint16_t segment = segment_of(&messages[i].msg_hdr, len);
		for (size_t at = 0; at < len; at += segment) {
			size_t n = len - at < segment ? len - at : segment;
			if (held) {
				r->n.received++;
				r->n.lost++;
			} else {
				pass(r, trains[i] + at, (uint16_t)n);
			}
		}
	}
	send_trains(r);
	return count > 0;
}

static unsigned int overflow(const struct relay *r)
{
	uint32_t info[16] = {0};
	socklen_t len = sizeof(info);
	if (getsockopt(r->in, SOL_SOCKET, SO_MEMINFO, info, &len) != 0)
		die("SO_MEMINFO");
	return info[MEMINFO_DROPS];
}

static void write_report(const struct relay *r)
{
	FILE *out = r->report == NULL ? stdout : fopen(r->report, "we");
	if (out == NULL)
		die(r->report);
	fprintf(out,
		"{\"seed\": %llu, \"received\": %llu, \"bytes\": %llu, \"forwarded\": %llu, "
		"\"lost\": %llu, \"damaged\": %llu, \"duplicated\": %llu, \"shuffled\": %llu, "
		"\"data\": %llu, \"control\": %llu, \"send_errors\": %llu, \"overflow\": %u}\n",
		(unsigned long long)r->seed, (unsigned long long)r->n.received,
		(unsigned long long)r->n.bytes, (unsigned long long)r->n.forwarded,
		(unsigned long long)r->n.lost, (unsigned long long)r->n.damaged,
		(unsigned long long)r->n.duplicated, (unsigned long long)r->n.shuffled,
		(unsigned long long)r->n.data, (unsigned long long)r->n.control,
		(unsigned long long)r->n.send_errors, overflow(r));
	if (fflush(out) != 0 || ferror(out) || (out != stdout && fclose(out) != 0))
		die("report");
}

static void run(struct relay *r)
{
	uint8_t(*trains)[TRAIN_BYTES] = malloc(sizeof(*trains) * BATCH);
	if (trains == NULL)
		die("memory");
	while (!stopped) {
		struct pollfd ready = {.fd = r->in, .events = POLLIN};
		int n = poll(&ready, 1, 20);
		if (n < 0 && errno != EINTR)
			die("poll");
		if (n > 0)
			while (receive(r, trains) && !stopped)
				;
		else if (n == 0)
			shuffle_out(r); /* nothing follows that it could be shuffled with */
	}
	free(trains);
}

/* ---- starting ---- */

static struct sockaddr_in address(const char *text)
{
	char host[16];
	unsigned int port;
	struct sockaddr_in out = {.sin_family = AF_INET};
	if (sscanf(text, "%15[0-9.]:%u", host, &port) != 2 || port > 65535 ||
	    inet_pton(AF_INET, host, &out.sin_addr) != 1) {
		fprintf(stderr, "relay: '%s' is not ADDRESS:PORT\n", text);
		exit(2);
	}
	out.sin_port = htons((uint16_t)port);
	return out;
}

static void load_bursts(struct relay *r, const char *path)
{
	r->bursts = calloc(BUNDLES, sizeof(*r->bursts));
	r->seen = calloc(BUNDLES, sizeof(*r->seen));
	FILE *in = fopen(path, "re");
	if (r->bursts == NULL || r->seen == NULL || in == NULL)
		die(path);
	unsigned long long start, length;
	for (size_t n = 1; n < BUNDLES && fscanf(in, "%llu %llu", &start, &length) == 2; n++)
		r->bursts[n] = (struct burst){start, length};
	fclose(in);
}

static void add_row(struct relay *r, const char *text)
{
	struct drop_row row;
	unsigned long long number;
	if (r->row_count == DROP_ROWS || sscanf(text, "%llu:%u:%u:%u", &number, &row.block,
						&row.first, &row.last) != 4) {
		fprintf(stderr, "relay: '%s' is not NUMBER:BLOCK:FIRST:LAST\n", text);
		exit(2);
	}
	row.number = number;
	r->rows[r->row_count++] = row;
}

static void take_option(struct relay *r, int option, const char *value)
{
	unsigned long long start, length;
	switch (option) {
	case 'l': r->listen = address(value); break;
	case 't': r->to = address(value); break;
	case 'o': r->report = value; break;
	case 'h': r->hold = value; break;
	case 's': r->seed = strtoull(value, NULL, 10); break;
	case 'L': r->loss = (unsigned int)strtoul(value, NULL, 10); break;
	case 'e': r->lose_beats = (unsigned int)strtoul(value, NULL, 10); break;
	case 'D': r->damage = (unsigned int)strtoul(value, NULL, 10); break;
	case '2': r->duplicate = (unsigned int)strtoul(value, NULL, 10); break;
	case 'R': r->window = strtoul(value, NULL, 10); break;
	case 'w':
		r->row_log = fopen(value, "we");
		if (r->row_log == NULL || setvbuf(r->row_log, NULL, _IOLBF, 0) != 0)
			die(value);
		break;
	case 'B': load_bursts(r, value); break;
	case 'r': add_row(r, value); break;
	case 'b':
		if (sscanf(value, "%llu:%llu", &start, &length) == 2) {
			r->burst = (struct burst){start, length};
			break;
		}
		/* fall through */
	default:
		fprintf(stderr, "relay: see the comment on top of tests/lib/relay.c\n");
		exit(2);
	}
}

static void open_sockets(struct relay *r)
{
	int bytes = SOCKET_BYTES, one = 1;
	r->in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	r->out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (r->in < 0 || r->out < 0)
		die("socket");
	/* Without the right to force it, as much as the system allows anybody. */
	if (setsockopt(r->in, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0 &&
	    setsockopt(r->in, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) != 0)
		die("SO_RCVBUF");
	if (setsockopt(r->in, SOL_UDP, UDP_GRO, &one, sizeof(one)) != 0)
		die("UDP_GRO");
	if (bind(r->in, (struct sockaddr *)&r->listen, sizeof(r->listen)) != 0)
		die("bind");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"listen", 1, NULL, 'l'}, {"to", 1, NULL, 't'}, {"report", 1, NULL, 'o'}, {"seed", 1, NULL, 's'},
		{"loss", 1, NULL, 'L'}, {"damage", 1, NULL, 'D'}, {"hold", 1, NULL, 'h'}, {"duplicate", 1, NULL, '2'},
		{"reorder", 1, NULL, 'R'}, {"burst", 1, NULL, 'b'}, {"bursts", 1, NULL, 'B'}, {"drop-row", 1, NULL, 'r'},
		{"rows", 1, NULL, 'w'}, {"lose-beats", 1, NULL, 'e'}, {NULL, 0, NULL, 0},
	};
	struct relay *r = calloc(1, sizeof(*r));
	struct timespec now;
	if (r == NULL || clock_gettime(CLOCK_REALTIME, &now) != 0)
		die("start");
	r->seed = (uint64_t)now.tv_sec * 1000000007U + (uint64_t)now.tv_nsec;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
		take_option(r, option, optarg);
	if (r->listen.sin_port == 0 || r->to.sin_port == 0)
		take_option(r, '?', NULL);
	r->state = r->seed;
	if (r->window > 0 && (r->slots = calloc(r->window, sizeof(*r->slots))) == NULL)
		die("memory");
	struct sigaction action = {.sa_handler = stop};
	if (sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0)
		die("sigaction");
	open_sockets(r);
	printf("SEED=%llu\nready\n", (unsigned long long)r->seed);
	fflush(stdout);
	run(r);
	write_report(r);
	close(r->in);
	close(r->out);
	free(r->slots);
	free(r->bursts);
	free(r->seen);
	free(r);
	return 0;
}
