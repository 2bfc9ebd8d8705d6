#include "porter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "common/acceptor.h"
#include "common/cursor.h"
#include "common/io.h"
#include "common/verdict.h"
#include "notice.h"
#include "status.h"

enum { GONE = 1 };

struct guest {
	int fd; /* -1: this place is free */
	struct ledger_who peer;
	uint64_t deadline_ms;
	bool has_begun;
	bool has_committed;
	struct notice_begin begin;
	struct notice_commit commit;
	size_t len;
	uint8_t in[NOTICE_FRAME_MAX];
};

struct porter {
	struct acceptor acceptor;
	struct import_site site;
	uint64_t now_s;
	porter_take_mandate *take_mandate;
	struct intake *taker;
	struct guest guests[PORTER_GUESTS_MAX];
};

int porter_new(struct porter **out, int listener, const struct import_site *site)
{
	/* whoever called and has gone again must not make accept wait */
	int flags = fcntl(listener, F_GETFL);
	if (flags < 0 || fcntl(listener, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	struct porter *porter = calloc(1, sizeof(*porter));
	if (porter == NULL)
		return -ENOMEM;
	porter->acceptor.listener = listener;
	porter->site = *site;
	for (size_t i = 0; i < PORTER_GUESTS_MAX; i++)
		porter->guests[i].fd = -1;
	*out = porter;
	return 0;
}

static struct ledger_who peer_of(int fd)
{
	uid_t uid;
	pid_t pid;
	struct ledger_who who = {.person = NULL};
	if (channel_peer(fd, &uid, &pid) == 0) {
		who.has_peer = true;
		who.uid = uid;
		who.pid = pid;
	}
	return who;
}

static struct ledger_entry *new_entry(const struct guest *g, int result, const char *phase)
{
	struct ledger_who who = g->peer;
	if (g->commit.name[0] != 0) {
		who.person = g->commit.name;
		who.key_id = g->commit.key_id;
	}
	struct ledger_entry *e = ledger_entry_new("command", result);
	ledger_set_who(e, &who);
	ledger_set_text(e, "verb", g->begin.verb);
	if (g->begin.about[0] != 0)
		ledger_set_text(e, "about", g->begin.about);
	if (phase != NULL)
		ledger_set_text(e, "phase", phase);
	return e;
}

/* What it asks for must be on the disk before it is done. */
static int enter_commit(struct porter *p, const struct guest *g)
{
	if (!diary_take_opening(p->site.diary))
		return -EBUSY;
	if (diary_is_low(p->site.diary))
		return -ENOSPC;
	return diary_write(p->site.diary, new_entry(g, 0, "begin"));
}

/* The end of what has begun stands there however many there are: its beginning was counted. */
static void enter_end(struct porter *p, const struct guest *g, const struct notice_end *end)
{
	if (!g->has_committed && !diary_take_command(p->site.diary))
		return;
	struct ledger_entry *e = new_entry(g, end->result, g->has_committed ? "end" : NULL);
	ledger_set_number(e, "exit", end->exit_code);
	if (g->has_committed) {
		ledger_set_number(e, "records", end->records);
		ledger_set_number(e, "bytes", end->bytes);
	}
	diary_add(p->site.diary, e);
}

static int answer(const struct guest *g, int result)
{
	uint8_t payload[NOTICE_ANSWER_BYTES], frame[CHANNEL_HEADER_BYTES + NOTICE_ANSWER_BYTES];
	notice_answer_encode(payload, result);
	size_t len = notice_frame(frame, sizeof(frame), NOTICE_ANSWER, payload, sizeof(payload));
	/* few bytes into an empty buffer: all of them or none */
	ssize_t n = sendto(g->fd, frame, len, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
	return n == (ssize_t)len ? 0 : GONE;
}

static int take_commit(struct porter *p, struct guest *g, const uint8_t *payload, size_t len)
{
	if (!g->has_begun || g->has_committed || notice_commit_decode(&g->commit, payload, len) != 0)
		return GONE;
	int result = enter_commit(p, g);
	g->has_committed = result == 0;
	return answer(g, result);
}

static int take_receipt(struct porter *p, const struct guest *g, const uint8_t *payload, size_t len)
{
	int result = -EBUSY;
	if (!g->has_begun)
		return GONE;
	if (diary_take_opening(p->site.diary))
		result = diary_is_low(p->site.diary)
				 ? -ENOSPC
				 : import_receipt(&p->site, &g->peer, (const char *)payload, len, p->now_s);
	return answer(g, result);
}

/* The taker enters what comes of it. */
static int take_mandate(struct porter *p, const struct guest *g, const uint8_t *payload, size_t len)
{
	int result = -EBUSY;
	if (!g->has_begun)
		return GONE;
	if (diary_take_opening(p->site.diary))
		result = diary_is_low(p->site.diary) ? -ENOSPC
			 : p->take_mandate == NULL
				 ? -EAGAIN
				 : p->take_mandate(p->taker, &g->peer, payload, len, p->now_s);
	return answer(g, result);
}

static int take_frame(struct porter *p, struct guest *g, uint16_t type, const uint8_t *payload, size_t len)
{
	struct notice_end end;
	/* who has left while nobody looked was told that nothing came of it, and may have thought better of it */
	if (type != NOTICE_BEGIN && type != NOTICE_END && channel_has_ended(g->fd))
		return GONE;
	switch (type) {
	case NOTICE_BEGIN:
		if (g->has_begun || notice_begin_decode(&g->begin, payload, len) != 0)
			return GONE;
		g->has_begun = true;
		return 0;
	case NOTICE_COMMIT:
		return take_commit(p, g, payload, len);
	case NOTICE_RECEIPT:
		return take_receipt(p, g, payload, len);
	case NOTICE_MANDATE:
		return take_mandate(p, g, payload, len);
	case NOTICE_END:
		if (!g->has_begun || notice_end_decode(&end, payload, len) != 0)
			return GONE;
		enter_end(p, g, &end);
		g->has_begun = false; /* nothing more to tell of it */
		return GONE;
	default:
		return GONE;
	}
}

/* All whole frames that are here. */
static int take_frames(struct porter *p, struct guest *g)
{
	while (g->len >= CHANNEL_HEADER_BYTES) {
		struct reader r = reader_of(g->in, g->len);
		uint32_t len = read_u32(&r);
		uint16_t type = read_u16(&r);
		uint16_t zero = read_u16(&r);
		if (zero != 0 || len > sizeof(g->in) - CHANNEL_HEADER_BYTES)
			return GONE;
		const uint8_t *payload = read_view(&r, len);
		if (payload == NULL)
			return 0;
		if (take_frame(p, g, type, payload, len) != 0)
			return GONE;
		size_t taken = CHANNEL_HEADER_BYTES + len;
		memmove(g->in, g->in + taken, g->len - taken);
		g->len -= taken;
	}
	return 0;
}

static int listen_to(struct porter *p, struct guest *g)
{
	for (;;) {
		ssize_t n = read(g->fd, g->in + g->len, sizeof(g->in) - g->len);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : GONE;
		if (n == 0)
			return GONE;
		g->len += (size_t)n;
		if (take_frames(p, g) != 0)
			return GONE;
	}
}

static void send_away(struct porter *p, struct guest *g)
{
	/* killed, or broken off: what it had begun has no end of its own */
	if (g->has_begun)
		enter_end(p, g, &(struct notice_end){.result = -ECANCELED});
	io_close(g->fd);
	*g = (struct guest){.fd = -1};
}

static void tell_of_callers(const struct porter *p, enum acceptor_news news, int result)
{
	const struct teller teller = {diary_event, p->site.diary};
	if (news == ACCEPTOR_FAILS)
		event_tell(&teller, LOG_ERR, "E2007", "keep: callers cannot be taken: %s", verdict_explain(result));
	if (news == ACCEPTOR_WORKS)
		event_tell(&teller, LOG_NOTICE, "E2008", "keep: callers are taken again");
}

/* False when nobody waits, or who waits cannot be taken now. */
static bool welcome(struct porter *p, struct guest *g, uint64_t now_ms)
{
	enum acceptor_news news;
	int fd = acceptor_take(&p->acceptor, SOCK_NONBLOCK, now_ms, &news);
	tell_of_callers(p, news, fd);
	if (fd >= 0)
		*g = (struct guest){.fd = fd, .peer = peer_of(fd), .deadline_ms = now_ms + PORTER_BEGIN_MS};
	return fd >= 0;
}

void porter_set_registry(struct porter *p, const struct registry *registry)
{
	p->site.registry = registry;
}

void porter_set_taker(struct porter *p, porter_take_mandate *take, struct intake *intake)
{
	p->take_mandate = take;
	p->taker = intake;
}

void porter_turn(struct porter *p, uint64_t now_ms, uint64_t now_s)
{
	p->now_s = now_s;
	bool anybody_waits = true;
	for (size_t i = 0; i < PORTER_GUESTS_MAX; i++) {
		struct guest *g = &p->guests[i];
		if (g->fd < 0 && anybody_waits)
			anybody_waits = welcome(p, g, now_ms);
		if (g->fd >= 0 && (listen_to(p, g) != 0 || (!g->has_begun && now_ms > g->deadline_ms)))
			send_away(p, g);
	}
}

void porter_free(struct porter *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < PORTER_GUESTS_MAX; i++)
		if (p->guests[i].fd >= 0)
			send_away(p, &p->guests[i]);
	free(p);
}
