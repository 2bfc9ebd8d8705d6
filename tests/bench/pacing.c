/*
 * pacing: how even the datagrams are that come in at an interface, from a capture with the kernel's time stamps, and
 * beside it how even they would be, had a bare loop sent them.
 *
 *   pacing DEVICE PORT RATE_BITS DATAGRAM_BYTES SECONDS PID
 *
 * DATAGRAM_BYTES is the UDP payload of a full one: what the kernel shows as one packet may be a train of them.  PID is
 * that of weir-emit.  Begins with a transfer, passes over its first 100 ms (the pace warms up), and ends after SECONDS
 * or a pause of 50 ms.
 *
 * The bare loop has the same pace, sleeps to the same deadlines under weir-emit's priority, and sends nothing.  It also
 * asks the kernel how long weir-emit was ready to run and did not (/proc/PID/schedstat): a window in which this was
 * longer than the pace catches up with, or in which the loop itself woke as late, is one that the machine held up.
 *
 * Prints, of all windows of 10 ms that begin with a packet: the emptiest and the fullest, as shares of the rate; the
 * share of them within 5 % of it; the longest train; and the largest burst, the most datagrams by which what came was
 * ever ahead of the rate, the train itself included.  Then the share within 5 % for the bare loop, how many of the
 * windows the machine held up, the share within 5 % of those that it did not, and how many ms weir-emit waited for a
 * core in all.  Percent.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "capture.h"
#include "sender/pace.h"

enum {
	PACKETS_MAX = 4000000,
	HOLDS_MAX = 1000000,
	IP_UDP = 28,
	PAUSE_MS = 50,
	WARM_MS = 100,
	ROW = 600,      /* packets that follow each other: the registry, heartbeats and catalogues are no transfer */
	LOOK_NS = 1000000,
};
static const uint64_t ms = 1000000, window = 10000000, ns_per_s = 1000000000;

struct packet {
	uint64_t ns, bits;
	unsigned int datagrams;
};

/* From when to when something was held up. */
struct held {
	uint64_t from_ns, to_ns;
};

struct series {
	struct packet *packets;
	size_t count;
};

struct loop {
	uint64_t rate;
	size_t datagram_bytes;
	int emit_fd;
	atomic_bool is_ending;
	struct series sent;
	struct held *holds;
	size_t hold_count;
	uint64_t emit_waited_ns;
	int policy;
	struct sched_param priority;
};

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * ns_per_s + (uint64_t)now.tv_nsec;
}

static void *memory(size_t count, size_t size)
{
	void *m = calloc(count, size);
	capture_need(m != NULL, "memory");
	return m;
}

static void note_hold(struct loop *l, uint64_t from_ns, uint64_t to_ns)
{
	if (l->hold_count < HOLDS_MAX)
		l->holds[l->hold_count++] = (struct held){from_ns, to_ns};
}

/* How long it has waited for a core since it started, ns. */
static uint64_t waited(int fd)
{
	char text[128];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	capture_need(n > 0, "schedstat");
	text[n] = 0;
	const char *second = strchr(text, ' ');
	return second == NULL ? 0 : strtoull(second, NULL, 10);
}

/* CLOCK_REALTIME, since the capture has no other: the clock is not set meanwhile. */
static void *sleep_alone(void *argument)
{
	struct loop *l = argument;
	capture_need(sched_setscheduler(0, l->policy, &l->priority) == 0, "priority");
	(void)prctl(PR_SET_TIMERSLACK, 1);
	struct pace pace;
	pace_start(&pace, l->rate, l->datagram_bytes, now_ns());
	pace.warm_until_ns = 0;
	uint64_t looked = now_ns(), before = waited(l->emit_fd), first = before;
	while (!l->is_ending) {
		const struct timespec until = {(time_t)(pace.due_ns / ns_per_s), (long)(pace.due_ns % ns_per_s)};
		clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);
		uint64_t now = now_ns();
		if (now > pace.due_ns + pace.credit_ns)
			note_hold(l, pace.due_ns, now);
		size_t len = pace.batch * l->datagram_bytes;
		pace_spend(&pace, pace.batch, len, now);
		if (l->sent.count < PACKETS_MAX)
			l->sent.packets[l->sent.count++] = (struct packet){now, (len + pace.batch * (uint64_t)IP_UDP) * 8, pace.batch};
		if (now < looked + LOOK_NS)
			continue;
		uint64_t later = waited(l->emit_fd);
		if (later > before + pace.credit_ns)
			note_hold(l, looked - LOOK_NS, now);
		before = later;
		looked = now;
	}
	l->emit_waited_ns = before - first;
	return NULL;
}

static void record(struct series *out, int fd, uint16_t port, const struct loop *l, uint64_t seconds)
{
	struct pollfd ready = {fd, POLLIN, 0};
	struct captured c;
	uint64_t begin = 0, last = 0;
	unsigned int row = 0;
	while (poll(&ready, 1, begin == 0 ? -1 : PAUSE_MS) > 0) {
		if (!capture_take(fd, port, &c))
			continue;
		row = last != 0 && c.ns - last < 5 * ms ? row + 1 : 0;
		if (begin == 0 && row >= ROW)
			begin = c.ns;
		if (begin != 0 && c.ns - begin > seconds * ns_per_s)
			break;
		unsigned int datagrams = (unsigned int)((c.payload_len + l->datagram_bytes - 1) / l->datagram_bytes);
		if (begin != 0 && c.ns - begin > WARM_MS * ms && out->count < PACKETS_MAX)
			out->packets[out->count++] =
				(struct packet){c.ns, (c.payload_len + datagrams * (uint64_t)IP_UDP) * 8, datagrams};
		last = c.ns;
	}
}

struct windows {
	double least, most;             /* of the share */
	uint64_t count, good;
	uint64_t held, undisturbed_good;
};

/* Holds are in the order of their beginning, but that a look may note one that overlaps those before it. */
static bool is_held(const struct loop *l, size_t *first, uint64_t from_ns)
{
	while (*first < l->hold_count && l->holds[*first].to_ns + window < from_ns)
		++*first;
	for (size_t i = *first; i < l->hold_count && l->holds[i].from_ns < from_ns + 2 * window; i++)
		if (l->holds[i].from_ns < from_ns + window && l->holds[i].to_ns > from_ns)
			return true;
	return false;
}

static struct windows judge(const struct series *s, const struct loop *l)
{
	struct windows w = {.least = 1e9};
	double share = (double)l->rate / 100;
	uint64_t sum = 0;
	size_t hold = 0;
	for (size_t first = 0, end = 0; first < s->count; first++) {
		while (end < s->count && s->packets[end].ns < s->packets[first].ns + window)
			sum += s->packets[end++].bits;
		if (end == s->count)
			break;
		double of = (double)sum / share;
		bool good = of >= 0.95 && of <= 1.05, held = is_held(l, &hold, s->packets[first].ns);
		w.least = of < w.least ? of : w.least;
		w.most = of > w.most ? of : w.most;
		w.count++;
		w.good += good;
		w.held += held;
		w.undisturbed_good += good && !held;
		sum -= s->packets[first].bits;
	}
	return w;
}

/* In datagrams, of bits as many as one has on average. */
static void measure_bursts(const struct series *s, double rate, unsigned int *train, double *burst)
{
	double ahead = 0, most = 0;
	uint64_t datagrams = 0, bits = 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct packet *p = &s->packets[i];
		if (i > 0)
			ahead -= (double)(p->ns - s->packets[i - 1].ns) * rate / 1e9;
		ahead = (ahead > 0 ? ahead : 0) + (double)p->bits;
		most = ahead > most ? ahead : most;
		*train = p->datagrams > *train ? p->datagrams : *train;
		datagrams += p->datagrams;
		bits += p->bits;
	}
	*burst = most / ((double)bits / (double)datagrams);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : 100 * (double)part / (double)whole;
}

static void report(const struct series *came, const struct loop *l)
{
	struct windows weir = judge(came, l), bare = judge(&l->sent, l);
	unsigned int train = 0;
	double burst = 0;
	if (weir.count == 0) {
		puts("nothing to measure");
		exit(1);
	}
	measure_bursts(came, (double)l->rate, &train, &burst);
	printf("%.3f %.3f %.2f %u %.0f %.2f %.1f %.2f %.1f %s\n", weir.least, weir.most, percent(weir.good, weir.count), train,
	       burst, percent(bare.good, bare.count), percent(weir.held, weir.count),
	       percent(weir.undisturbed_good, weir.count - weir.held), (double)l->emit_waited_ns / 1e6,
	       l->policy == SCHED_FIFO ? "real-time" : "ordinary");
}

int main(int argc, char **argv)
{
	static struct loop loop;
	struct series came = {.packets = memory(PACKETS_MAX, sizeof(struct packet))};
	pthread_t thread;
	char path[64];
	if (argc != 7) {
		fputs("usage: pacing DEVICE PORT RATE_BITS DATAGRAM_BYTES SECONDS PID\n", stderr);
		return 2;
	}
	snprintf(path, sizeof(path), "/proc/%s/task/%s/schedstat", argv[6], argv[6]);
	loop.rate = strtoull(argv[3], NULL, 10);
	loop.datagram_bytes = strtoull(argv[4], NULL, 10);
	loop.emit_fd = open(path, O_RDONLY | O_CLOEXEC);
	loop.sent.packets = memory(PACKETS_MAX, sizeof(struct packet));
	loop.holds = memory(HOLDS_MAX, sizeof(struct held));
	pid_t emit = (pid_t)atoi(argv[6]);
	loop.policy = sched_getscheduler(emit) & ~SCHED_RESET_ON_FORK;
	capture_need(loop.emit_fd >= 0 && loop.policy >= 0 && sched_getparam(emit, &loop.priority) == 0, path);
	int fd = capture_open(argv[1]);
	capture_need(pthread_create(&thread, NULL, sleep_alone, &loop) == 0, "thread");
	puts("ready");
	fflush(stdout);
	record(&came, fd, (uint16_t)atoi(argv[2]), &loop, strtoull(argv[5], NULL, 10));
	loop.is_ending = true;
	pthread_join(thread, NULL);
	report(&came, &loop);
	return 0;
}
