#include "trialsend.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/datagram.h"
#include "pace.h"
#include "transmitter.h"

enum {
	FULL_NS = 50000,      /* the socket has no room: look again after so long */
	RETRY_NS = 10000000,  /* after a send that failed otherwise */
	BATCH_BYTES = 65536,
};
static const uint64_t ns_per_s = 1000000000;

struct trialsend {
	struct trialsend_options options;
	uint64_t began_ns;    /* 0: not yet */
	uint64_t sequence;
	uint8_t batch[BATCH_BYTES];
};

/* The load of a step as it goes. */
struct load {
	struct trial trial;
	struct trialsend_result result;
	struct pace pace;
	bool was_full;        /* what is late is so because of the socket, not because we did not run */
};

static uint64_t now_ns(void)
{
	struct timespec now;
	int failed = clock_gettime(CLOCK_MONOTONIC, &now);
	assert(failed == 0);
	return (uint64_t)now.tv_sec * ns_per_s + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec until = {.tv_sec = (time_t)(ns / ns_per_s), .tv_nsec = (long)(ns % ns_per_s)};
	/* woken by a signal, whoever waits looks at the clock again */
	int result = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	assert(result == 0 || result == EINTR);
}

int trialsend_new(struct trialsend **out, const struct trialsend_options *options)
{
	struct trialsend *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->options = *options;
	s->sequence = (uint64_t)options->started_s << 32;
	*out = s;
	return 0;
}

void trialsend_free(struct trialsend *s)
{
	free(s);
}

/* The pattern stands there already, and stays. */
static size_t build(struct trialsend *s, const struct trial *of, unsigned int count, uint64_t now)
{
	size_t len = trial_len(&of->plan, of->part);
	struct trial t = *of;
	t.time_ns = now - s->began_ns;
	for (unsigned int i = 0; i < count; i++) {
		uint8_t *at = s->batch + i * len;
		t.sequence = s->sequence + i;
		t.number = of->number + (of->part == TRIAL_LOAD ? i : 0);
		trial_encode(at, &t);
		datagram_set_tag(at, len, s->options.tagger);
	}
	return count * len;
}

static int send_built(struct trialsend *s, const struct trial *t, unsigned int count, size_t len)
{
	int result = transmitter_send(s->options.socket_fd, &s->options.goal, s->batch, len,
				      trial_len(&t->plan, t->part), MSG_DONTWAIT);
	if (result == 0)
		s->sequence += count;
	return result;
}

/* Beginning and end are small: they pass where the load does not.  One that fails is made up for by the others. */
static void send_marks(struct trialsend *s, struct load *l, enum trial_part part)
{
	l->trial.part = part;
	l->trial.number = part == TRIAL_END ? l->result.datagrams : 0;
	l->trial.held_ns = part == TRIAL_END ? l->result.held_ns : 0;
	uint64_t due = now_ns();
	for (int i = 0; i < TRIALSEND_MARKS; i++) {
		uint64_t now = now_ns();
		int result = send_built(s, &l->trial, 1, build(s, &l->trial, 1, now));
		if (result != 0) {
			l->result.errors++;
			l->result.error = result;
		}
		due += TRIALSEND_MARK_NS;
		sleep_until(due);
	}
}

/* False when it did not go now; whatever is late then, is so because of the way out. */
static bool send_load(struct trialsend *s, struct load *l, uint64_t now)
{
	unsigned int count = l->pace.batch;
	size_t len = build(s, &l->trial, count, now);
	int result = send_built(s, &l->trial, count, len);
	l->was_full = result != 0;
	if (result == -EAGAIN) {
		sleep_until(now + FULL_NS);
		return false;
	}
	if (result != 0) {
		l->result.errors++;
		l->result.error = result;
		sleep_until(now + RETRY_NS);
		return false;
	}
	pace_spend(&l->pace, count, len, now);
	return true;
}

static void count_load(struct load *l)
{
	l->result.datagrams += l->pace.batch;
	l->trial.number = l->result.datagrams;
}

/* What is late by a millisecond, and not because the socket was full: this process was not let run. */
static void note_held(struct load *l, uint64_t now)
{
	uint64_t in_time = l->pace.due_ns + l->pace.credit_ns;
	if (!l->was_full && now > in_time + TRIALSEND_HELD_NS)
		l->trial.held_ns = l->result.held_ns += now - in_time;
}

/* Warm-up or load, until so long after its beginning. */
static void send_for(struct trialsend *s, struct load *l, uint64_t duration_ns, bool is_load)
{
	uint64_t now = now_ns();
	uint64_t began = now, end = now + duration_ns;
	pace_start(&l->pace, l->trial.plan.rate_bits_per_s, trial_len(&l->trial.plan, TRIAL_LOAD), now);
	l->pace.warm_until_ns = is_load ? now : end;
	l->trial.part = is_load ? TRIAL_LOAD : TRIAL_WARM_UP;
	l->was_full = false;
	while (now < end && !*s->options.is_stopping) {
		if (is_load)
			note_held(l, now);
		if (now < l->pace.due_ns)
			sleep_until(l->pace.due_ns < end ? l->pace.due_ns : end);
		else if (send_load(s, l, now) && is_load)
			count_load(l);
		progress_set(s->options.progress, (now - s->began_ns) / 1000000);
		now = now_ns();
	}
	if (!is_load)
		return;
	note_held(l, now);
	l->result.elapsed_ns = now - began;
}

void trialsend_step(struct trialsend *s, size_t index, struct trialsend_result *out)
{
	const struct trialsend_options *o = &s->options;
	struct load l = {
		.trial = {
			.test_id = o->test_id,
			.step = (uint16_t)index,
			.steps = (uint16_t)o->count,
			.plan = o->steps[index],
		},
	};
	size_t len = trial_len(&l.trial.plan, TRIAL_LOAD);
	if (s->began_ns == 0)
		s->began_ns = now_ns();
	send_marks(s, &l, TRIAL_BEGIN);
	for (size_t at = 0; at + len <= sizeof(s->batch); at += len)
		trial_pattern(s->batch + at + TRIAL_HEADER_BYTES, len - TRIAL_HEADER_BYTES);
	l.trial.number = 0;
	send_for(s, &l, PACE_WARM_UP_NS, false);
	l.trial.number = l.trial.held_ns = 0;
	send_for(s, &l, l.trial.plan.duration_ms * UINT64_C(1000000), true);
	send_marks(s, &l, TRIAL_END);
	if (!*o->is_stopping)
		sleep_until(now_ns() + TRIALSEND_REST_NS);
	*out = l.result;
}

uint64_t trialsend_ms(const struct trial_step *steps, size_t count)
{
	uint64_t ms = 0;
	for (size_t i = 0; i < count; i++)
		ms += steps[i].duration_ms +
		      (2 * TRIALSEND_MARKS * TRIALSEND_MARK_NS + PACE_WARM_UP_NS + TRIALSEND_REST_NS) / 1000000;
	return ms;
}

uint64_t trialsend_offered(const struct trialsend_result *r, uint16_t size)
{
	uint64_t ran_ns = r->elapsed_ns - r->held_ns;
	return ran_ns == 0 ? 0 : (uint64_t)((double)r->datagrams * size * 8e9 / (double)ran_ns);
}
