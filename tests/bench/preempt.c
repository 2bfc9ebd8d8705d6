/*
 * preempt: how long new work waits while an idle link heals, from a capture with the kernel's time stamps.
 *
 *   preempt DEVICE PORT MTU SPOOL RUNTIME
 *
 * Looks at hold's page five thousand times a second, and takes for the moment of an order the last look that did not
 * find it: so what it says is too long by a fifth of a millisecond, and never too short.  An order counts when other
 * data came in the second before it, which are healing: one bundle is pushed after the other.  It does not when the
 * registry, which passes as work now and then, went in that second or since, nor when the machine kept the look itself
 * back for more than a millisecond.  Ends by SIGTERM.  Prints how many orders count; the median
 * and the worst, in ms, from the order to the page that names it, from the order to its first data, and from the
 * release (its file lies in the spool's folder ready/) to its first data; and the most datagrams for healing that went
 * between order and first data.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "capture.h"
#include "common/catalogue.h"
#include "common/datagram.h"
#include "common/openbundle.h"
#include "sender/orders.h"

enum { LOOK_NS = 200000, LATE_LOOK_NS = 1000000, WORKS_MAX = 4096, SEEN_MAX = 2000000, PAGES_SEEN_MAX = 100000, PRIORITY = 10 };
static const uint64_t ns_per_s = 1000000000;

struct work {
	struct bundle_id id;
	uint64_t released_ns;
	uint64_t ordered_ns;   /* 0: not known well enough */
};

/* The names on a catalogue page that came. */
struct named {
	uint16_t count;
	struct bundle_id ids[PAGE_ENTRIES_MAX];
};

/* A packet that came. */
struct seen {
	uint64_t ns;
	const struct named *named; /* NULL: data */
	struct bundle_id id;
	unsigned int datagrams;
};

struct watch {
	const struct orders_shared *page;
	int ready_fd;
	struct work works[WORKS_MAX];
	size_t work_count;
	struct seen seen[SEEN_MAX];
	size_t seen_count;
	struct named named[PAGES_SEEN_MAX];
	size_t named_count;
};

static volatile sig_atomic_t is_ending;

static void end(int signal)
{
	(void)signal;
	is_ending = 1;
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * ns_per_s + (uint64_t)now.tv_nsec;
}

static bool is_same(const struct bundle_id *a, const struct bundle_id *b)
{
	return a->epoch == b->epoch && a->route_id == b->route_id && a->number == b->number;
}

/* As work a bundle is ordered once: what is sent again is healing, or was asked for. */
static void note_orders(struct watch *w, const struct orders_page *copy, uint64_t released_ns, uint64_t ordered_ns)
{
	for (uint32_t i = 0; i < copy->order_count; i++) {
		const struct task *task = &copy->orders[i];
		bool is_known = task->kind != TASK_WORK || task->id.route_id == OPEN_ROUTE_ID || w->work_count == WORKS_MAX;
		for (size_t j = 0; j < w->work_count; j++)
			is_known |= is_same(&w->works[j].id, &task->id);
		if (!is_known)
			w->works[w->work_count++] = (struct work){task->id, released_ns, ordered_ns};
	}
}

static void *look(void *argument)
{
	struct watch *w = argument;
	struct orders_page *copy = calloc(1, sizeof(*copy));
	uint64_t version = 0, before = now_ns(), released = 0;
	const struct sched_param priority = {.sched_priority = PRIORITY};
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	capture_need(copy != NULL, "memory");
	(void)sched_setscheduler(0, SCHED_FIFO, &priority);
	(void)prctl(PR_SET_TIMERSLACK, 1);
	while (!is_ending) {
		uint8_t changes[4096];
		uint64_t now = now_ns();
		bool is_late = now > before + LATE_LOOK_NS;
		if (read(w->ready_fd, changes, sizeof(changes)) > 0)
			released = before;
		if (orders_version(w->page) != version && orders_read(copy, w->page) == 0) {
			version = copy->version;
			note_orders(w, copy, released, is_late ? 0 : before);
		}
		before = now;
		nanosleep(&pause, NULL);
	}
	free(copy);
	return NULL;
}

static const struct named *note_page(struct watch *w, const struct datagram *d)
{
	static struct page page;
	struct named *named = &w->named[w->named_count];
	if (page_decode(&page, d->payload, d->payload_len) != 0 || w->named_count == PAGES_SEEN_MAX)
		return NULL;
	w->named_count++;
	named->count = page.count;
	for (unsigned int i = 0; i < page.count; i++)
		named->ids[i] = (struct bundle_id){page.entries[i].epoch, page.entries[i].number, page.entries[i].route_id};
	return named;
}

static void follow(struct watch *w, int fd, uint16_t port, size_t full)
{
	struct pollfd ready = {fd, POLLIN, 0};
	while (!is_ending && w->seen_count < SEEN_MAX) {
		struct captured c;
		struct datagram d;
		if (poll(&ready, 1, 100) <= 0 || !capture_take(fd, port, &c))
			continue;
		size_t len = c.payload_len < full ? c.payload_len : full;
		if (len > c.there_len || datagram_decode(&d, c.payload, len) != 0)
			continue;
		struct seen *seen = &w->seen[w->seen_count];
		*seen = (struct seen){.ns = c.ns, .id = d.id, .datagrams = (unsigned int)((c.payload_len + full - 1) / full)};
		if (d.type == DATAGRAM_TYPE_CONTROL)
			seen->named = note_page(w, &d);
		w->seen_count += d.type == DATAGRAM_TYPE_DATA || seen->named != NULL;
	}
}

struct wait {
	double to_page, to_data, since_release; /* ms */
	unsigned int healing;                   /* datagrams in between */
};

static bool is_named(const struct named *named, const struct bundle_id *id)
{
	for (unsigned int i = 0; i < named->count; i++)
		if (is_same(&named->ids[i], id))
			return true;
	return false;
}

/* False when it does not count. */
static bool find_wait(struct wait *out, const struct watch *w, const struct work *work)
{
	bool heals = false;
	uint64_t page_ns = 0;
	if (work->ordered_ns == 0)
		return false;
	*out = (struct wait){0};
	for (size_t i = 0; i < w->seen_count; i++) {
		const struct seen *s = &w->seen[i];
		if (s->ns + ns_per_s < work->ordered_ns)
			continue;
		bool is_before = s->ns < work->ordered_ns;
		if (s->named != NULL) {
			if (!is_before && page_ns == 0 && is_named(s->named, &work->id))
				page_ns = s->ns;
		} else if (is_same(&s->id, &work->id)) {
			out->to_page = (double)(page_ns - work->ordered_ns) / 1e6;
			out->to_data = (double)(s->ns - work->ordered_ns) / 1e6;
			out->since_release = (double)(s->ns - work->released_ns) / 1e6;
			return heals && page_ns != 0;
		} else if (s->id.route_id == OPEN_ROUTE_ID) {
			return false;
		} else if (is_before) {
			heals = true;
		} else {
			out->healing += s->datagrams;
		}
	}
	return false;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void show(double *ms, size_t count)
{
	qsort(ms, count, sizeof(*ms), by_size);
	printf(" %.2f %.2f", ms[count / 2], ms[count - 1]);
}

static void report(const struct watch *w)
{
	static double page[WORKS_MAX], data[WORKS_MAX], released[WORKS_MAX];
	size_t n = 0;
	unsigned int healing = 0;
	for (size_t i = 0; i < w->work_count; i++) {
		struct wait wait;
		if (!find_wait(&wait, w, &w->works[i]))
			continue;
		page[n] = wait.to_page;
		data[n] = wait.to_data;
		released[n++] = wait.since_release;
		healing = wait.healing > healing ? wait.healing : healing;
	}
	printf("%zu", n);
	if (n > 0) {
		show(page, n);
		show(data, n);
		show(released, n);
		printf(" %u", healing);
	}
	putchar('\n');
}

int main(int argc, char **argv)
{
	static struct watch watch;
	struct orders_shared *page;
	pthread_t looker;
	char folder[4096];
	if (argc != 6) {
		fputs("usage: preempt DEVICE PORT MTU SPOOL RUNTIME\n", stderr);
		return 2;
	}
	snprintf(folder, sizeof(folder), "%s/ready", argv[4]);
	const struct sigaction action = {.sa_handler = end};
	int fd = capture_open(argv[1]), result = orders_map(&page, argv[5], false);
	watch.ready_fd = inotify_init1(IN_NONBLOCK);
	capture_need(result == 0 && sigaction(SIGTERM, &action, NULL) == 0 && watch.ready_fd >= 0 &&
			     inotify_add_watch(watch.ready_fd, folder, IN_MOVED_TO) >= 0,
		     folder);
	watch.page = page;
	capture_need(pthread_create(&looker, NULL, look, &watch) == 0, "thread");
	puts("ready");
	fflush(stdout);
	follow(&watch, fd, (uint16_t)atoi(argv[2]), datagram_len(datagram_symbols((uint32_t)strtoul(argv[3], NULL, 10))));
	pthread_join(looker, NULL);
	report(&watch);
	return 0;
}
