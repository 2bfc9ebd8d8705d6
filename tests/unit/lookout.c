#include "receiver/lookout.h"

#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "receiver/advice.h"
#include "tests/lib/tap.h"

static char events[8192];
static unsigned int event_count;

static void tell(void *context, int priority, const char *id, const char *text)
{
	(void)context;
	(void)priority;
	note("%s %s", id, text);
	strcat(events, id);
	strcat(events, " ");
	event_count++;
}

static const struct teller teller = {tell, NULL};

struct world {
	struct lookout lookout;
	struct ring *ring;
	uint64_t now_ms, lost;
};

static struct world new_world(void)
{
	struct world w = {.now_ms = 1000};
	unlink(test_path(RING_FILE));
	events[0] = 0;
	event_count = 0;
	ring_open(&w.ring, test_dir(), RING_BYTES_MIN);
	lookout_start(&w.lookout, w.ring, "lo", &teller);
	return w;
}

static void seconds(struct world *w, int count)
{
	for (int i = 0; i < count * 10; i++) {
		w->now_ms += 100;
		lookout_turn(&w->lookout, w->lost, w->now_ms, 1000 + w->now_ms / 1000);
	}
}

static void wait_in(struct world *w, uint64_t bytes)
{
	while (ring_fill(w->ring) < bytes) {
		if (ring_reserve(w->ring) == NULL)
			break;
		ring_publish(w->ring, 960, 960);
	}
}

static void empty(struct world *w)
{
	struct ring_record record;
	uint64_t damaged = 0;
	while (ring_take(w->ring, &record, &damaged))
		ring_release(w->ring);
}

static void test_losses(void)
{
	struct world w = new_world();
	struct ring_counters *counters = ring_counters(w.ring);
	seconds(&w, 3);
	is_text(events, "", "nothing is said when nothing is lost");
	w.lost = 100;
	seconds(&w, 3);
	is_text(events, "E2060 ", "a loss before this box is told of");
	w.lost = 300;
	seconds(&w, 60);
	is_text(events, "E2060 ", "once");
	atomic_store(&counters->trains, 10);
	atomic_store(&counters->datagrams, 100);
	atomic_store(&counters->kernel_drops, 200);
	w.lost += 2000;
	seconds(&w, 3);
	is_text(events, "E2060 E2067 ", "another place is, and with what was not told yet they are several");
	atomic_store(&counters->dropped_datagrams, 5000);
	w.lost += 5000;
	seconds(&w, 60);
	is_text(events, "E2060 E2067 E2063 ", "and the ring");
	atomic_store(&counters->bad_tag, 50);
	w.lost += 50;
	seconds(&w, 60);
	is_text(events, "E2060 E2067 E2063 E2066 ", "and damage");
	struct way way = lookout_report(&w.lookout);
	is_number((int64_t)loss_sum(&way.total), (int64_t)w.lost, "all of it is counted");
	is_text(way.interface, "lo", "the interface is named");
	is_number(loss_place_of(&way.total), LOSS_SEVERAL, "and the whole is of several places");
	for (int i = 0; i < 600; i++) {
		w.lost += 20;
		atomic_fetch_add(&counters->dropped_datagrams, i % 2 == 0 ? 20 : 0);
		seconds(&w, 1);
	}
	ok(event_count <= 4 + 20, "in ten minutes of changing places there are two events a minute at most: %u",
	   event_count - 4);

	/* a keep that begins again */
	atomic_fetch_add(&counters->dropped_datagrams, 77);
	w.lost = 0;
	lookout_start(&w.lookout, w.ring, "lo", &teller);
	seconds(&w, 1);
	w.lost = 77;
	seconds(&w, 3);
	way = lookout_report(&w.lookout);
	is_number((int64_t)way.total.at[LOSS_RING], 77, "drops of the time without a keep are known to the next one");
	ring_close(w.ring);
}

static void test_fill(void)
{
	struct world w = new_world();
	uint64_t size = ring_size(w.ring);
	wait_in(&w, size / 2 - 5000);
	seconds(&w, 2);
	is_text(events, "", "a ring that is less than half full alarms nobody");
	wait_in(&w, size / 2 + 5000);
	empty(&w);
	lookout_turn(&w.lookout, 0, w.now_ms + 10, 2000);
	is_text(events, "E2061 ", "one that was for a moment more than half full does, even between two looks");
	seconds(&w, 1);
	is_text(events, "E2061 E2062 ", "and its end is told, too");
	for (int i = 0; i < 100; i++) {
		wait_in(&w, size / 2 + 5000);
		empty(&w);
		seconds(&w, 1);
	}
	is_text(events, "E2061 E2062 ", "but not every time");
	wait_in(&w, size / 2 + 5000);
	seconds(&w, 600);
	is_text(events, "E2061 E2062 E2061 ", "ten minutes later it is told again");
	struct way way = lookout_report(&w.lookout);
	ok(way.is_filling && way.ring_fill > size / 2 && way.ring_bytes == size, "as long as it lasts, it is shown");
	empty(&w);
	wait_in(&w, size / 3);
	seconds(&w, 3);
	ok(lookout_report(&w.lookout).is_filling, "a third is not the end of it");
	empty(&w);
	wait_in(&w, size / 5);
	seconds(&w, 3);
	ok(!lookout_report(&w.lookout).is_filling, "less than a quarter is");
	lookout_note_away(&w.lookout, 50);
	lookout_note_away(&w.lookout, 20);
	is_number((int64_t)lookout_report(&w.lookout).away_max_ms, 50, "the longest absence is kept");
	ring_close(w.ring);
}

static void test_interface(void)
{
	struct world w = new_world();
	char name[RING_INTERFACE_BYTES] = "none-such";
	atomic_store(&ring_counters(w.ring)->datagrams, 1);
	ring_set_interface(w.ring, name);
	lookout_start(&w.lookout, w.ring, "", &teller);
	seconds(&w, 5);
	is_text(events, "E2068 ", "an interface that is not there is told of, once");
	is_text(lookout_report(&w.lookout).interface, "", "and is none");
	strcpy(name, "../lo");
	ring_set_interface(w.ring, name);
	seconds(&w, 2);
	is_text(lookout_report(&w.lookout).interface, "", "a name is no path");
	memset(name, 0, sizeof(name));
	strcpy(name, "lo");
	ring_set_interface(w.ring, name);
	seconds(&w, 2);
	is_text(lookout_report(&w.lookout).interface, "lo", "that of catch is used when the configuration has none");
	ring_close(w.ring);
	lookout_start(&w.lookout, NULL, "", &teller);
	lookout_turn(&w.lookout, 5, 5000, 5);
	is_number((int64_t)lookout_report(&w.lookout).ring_bytes, 0, "without a ring nothing is watched");
}

static const char *advice(struct loss_counts counts, struct way way)
{
	static char text[ADVICE_BYTES];
	return advice_on_loss(text, &counts, &way);
}

static void test_advice(void)
{
	struct way way = {.interface = "eth7", .nic = {.full = 9}};
	struct loss_counts c = {.at = {[LOSS_SOCKET] = 1204}};
	is_text(advice(c, way), "lost on the way: 1,204 datagrams, all dropped by this box's socket: raise "
		"net.core.rmem_max and socket_buffer_mib, or lower the sender's rate", "of a socket");
	c = (struct loss_counts){.at = {[LOSS_NIC] = 1}};
	is_text(advice(c, way), "lost on the way: 1 datagram, all dropped by this box's NIC: enlarge its receive "
		"ring: ethtool -G eth7 rx 4096", "of a NIC's ring");
	way.nic = (struct nic_counters){.refused = 90, .backlog = 90};
	ok(strstr(advice(c, way), "net.core.netdev_max_backlog") != NULL, "of the queue behind it");
	way.nic.backlog = 0;
	ok(strstr(advice(c, way), "MTU") != NULL, "of frames that are too long");
	c = (struct loss_counts){.at = {[LOSS_DAMAGED] = 5}};
	ok(strstr(advice(c, way), "all damaged on the way: clean or change fibre") != NULL, "of damage");
	c = (struct loss_counts){.at = {[LOSS_RING] = 5}};
	ok(strstr(advice(c, way), "ride_out_stall_ms") != NULL, "of the ring");
	c = (struct loss_counts){.at = {[LOSS_BEFORE] = 100, [LOSS_RING] = 1}};
	ok(strstr(advice(c, way), "101 datagrams, nearly all that never reached this box: check the sender's rate, "
		  "the cable") != NULL, "of the way before, though not quite alone");
	ok(strstr(advice(c, (struct way){.interface = ""}), "say 'interface'") != NULL,
	   "and what is not known is said");
	c = (struct loss_counts){.at = {[LOSS_BEFORE] = 60, [LOSS_SOCKET] = 40}};
	is_text(advice(c, way), "lost on the way: 100 datagrams, at several places: 40 dropped by this box's socket, "
		"60 that never reached this box: check the sender's rate, the cable, and what stands between",
		"several are all named, and the worst has its remedy");
	c = (struct loss_counts){.at = {[LOSS_SEVERAL] = 60}};
	ok(strstr(advice(c, way), "all dropped by this box's socket or its NIC: raise net.core.rmem_max and "
		  "net.core.netdev_max_backlog") != NULL, "what cannot be told apart is not");
	for (int i = 1; i < LOSS_PLACES; i++)
		c.at[i] = UINT32_MAX;
	strcpy(way.interface, "fifteen-letters");
	ok(strlen(advice(c, way)) < ADVICE_BYTES - 20, "the longest fits: %zu bytes", strlen(advice(c, way)));
}

int main(void)
{
	test_losses();
	test_fill();
	test_interface();
	test_advice();
	return done_testing();
}
