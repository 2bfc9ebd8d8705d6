/*
 * hold's sockets, and seal's admission, over any bytes: the first byte chooses the end and how the rest is cut.
 * Bytes are taken as they are, or as whole frames of any content: type, u16 length, payload.  Whatever comes, the
 * caller gets whole frames, and nothing else holds hold up.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "common/cursor.h"
#include "common/verdict.h"
#include "sender/admission.h"
#include "sender/flow.h"
#include "tests/lib/fuzzblocks.h"
#include "tests/lib/fuzzhold.h"

enum { INPUT_MAX = 60000, STREAM_MAX = 131072, FRAMES_MAX = 24, BODY_SEGMENTS_MAX = 4, TURNS_MAX = 4096 };
enum { PEER = 0, OURS = 1 };

static struct fuzzhold hold;
static uint64_t untouched;

/* The clock of everything here, so that the people of night.h count. */
time_t time(time_t *out)
{
	if (out != NULL)
		*out = FUZZHOLD_NOW;
	return FUZZHOLD_NOW;
}

/* A body of these many segments: a head that is right, then zeros. */
static size_t make_body(uint8_t *out, const uint8_t *payload, size_t len)
{
	size_t segments = len == 0 ? 1 : payload[0] % (BODY_SEGMENTS_MAX + 1);
	if (segments == 0)
		return len;
	memset(out, 0, segments * SEGMENT_BYTES);
	fuzzhold_head(out, &hold.night);
	return segments * SEGMENT_BYTES;
}

/* COMMIT ends with a dossier, which ends with a digest. */
static void make_commit(uint8_t *payload, size_t len)
{
	const size_t from = STATEMENT_BYTES + SUITE_DIGEST_BYTES;
	if (len < from + SUITE_DIGEST_BYTES)
		return;
	registry_digest(payload + STATEMENT_BYTES, hold.night.registry);
	suite_hash(payload + len - SUITE_DIGEST_BYTES, SUITE_DIGEST_BYTES, "weir1 dossier", NULL, 0, payload + from,
		   len - from - SUITE_DIGEST_BYTES);
}

static size_t compose(uint8_t out[static STREAM_MAX], const uint8_t *data, size_t size)
{
	struct writer w = writer_of(out, STREAM_MAX);
	for (int i = 0; i < FRAMES_MAX && size > 0; i++) {
		uint8_t type = fuzz_take_byte(&data, &size);
		uint16_t len = 0;
		fuzz_take(&len, sizeof(len), &data, &size);
		size_t n = len < size ? len : size;
		if (w.at + CHANNEL_HEADER_BYTES + n + BODY_SEGMENTS_MAX * SEGMENT_BYTES > STREAM_MAX)
			break;
		uint8_t *payload = out + w.at + CHANNEL_HEADER_BYTES;
		fuzz_take(payload, n, &data, &size);
		if (type == LOCAL_BODY)
			n = make_body(payload, payload, n);
		else if (type == LOCAL_COMMIT)
			make_commit(payload, n);
		write_u32(&w, (uint32_t)n);
		write_u16(&w, type);
		write_u16(&w, 0);
		w.at += n;
	}
	return w.at;
}

/* Whole frames, and only those. */
static void hear(int fd)
{
	static uint8_t heard[1 << 20];
	size_t len = 0;
	for (ssize_t n; len < sizeof(heard) &&
			(n = recv(fd, heard + len, sizeof(heard) - len, MSG_DONTWAIT)) > 0;)
		len += (size_t)n;
	struct reader r = reader_of(heard, len);
	while (reader_left(&r) > 0) {
		uint32_t n = read_u32(&r);
		uint16_t type = read_u16(&r);
		assert(read_u16(&r) == 0 && type >= LOCAL_PUSH && type <= LOCAL_RESEND_TAKEN);
		assert(read_view(&r, n) != NULL && !r.overrun);
	}
}

static void give(int fd, const uint8_t *bytes, size_t len)
{
	(void)send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void ask_control(int fds[static 2], const uint8_t *bytes, size_t len, size_t piece)
{
	struct control *control = NULL;
	fuzz_need(control_new(&control, fds[OURS], &hold.control) == 0, "no control");
	int turns = 0;
	for (size_t at = 0; at < len; at += piece) {
		give(fds[PEER], bytes + at, len - at < piece ? len - at : piece);
		/* as long as there is anything to do for it */
		for (struct pollfd slot = {.fd = fds[OURS]}; turns < TURNS_MAX; turns++) {
			slot.events = control_events(control);
			if (poll(&slot, 1, 0) != 1)
				break;
			if (control_go_on(control) != 0) {
				at = len;
				break;
			}
		}
	}
	assert(turns < TURNS_MAX);
	control_free(control);
	hear(fds[PEER]);
}

static void push_through_gate(int fds[static 2], const uint8_t *bytes, size_t len, size_t piece)
{
	struct gate *gate = NULL;
	fuzz_need(gate_new(&gate, fds[OURS], &hold.gate) == 0, "no gate");
	int result = 0;
	for (size_t at = 0; at < len && result == 0; at += piece) {
		give(fds[PEER], bytes + at, len - at < piece ? len - at : piece);
		result = gate_read(gate);
	}
	gate_free(gate);
	hear(fds[PEER]);
}

static void ask_admission(int fds[static 2], const uint8_t *bytes, size_t len, size_t piece)
{
	(void)piece;
	struct admission who = {.fd = fds[OURS], .registry = hold.night.registry, .created = FUZZHOLD_NOW};
	fuzz_need(inflow_new(&who.from_person, fds[OURS]) == 0, "no flow");
	give(fds[PEER], bytes, len);
	shutdown(fds[PEER], SHUT_WR);
	/* nobody can have signed the challenge before it was made */
	assert(admission_take(&who) != 0 && !who.is_proven);
	inflow_free(who.from_person);
	close(fds[OURS]);
	hear(fds[PEER]);
}

/* What a gate has taken; a box of its own for each would cost too much. */
static void remove_what_came(void)
{
	struct spool *spool = hold.releaser.allowance.spool;
	for (size_t i = spool_count(spool); i-- > 0;) {
		struct spool_item *item = spool_at(spool, i);
		if (item->state == SPOOL_HELD && item->release.statement.push_id[0] != FUZZHOLD_WAITS)
			assert(spool_remove(spool, item) == 0);
	}
}

static void begin(void)
{
	fuzzhold_people(&hold.night);
	fuzzhold_open(&hold);
	untouched = fuzzhold_state(&hold);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const ends[])(int[static 2], const uint8_t *, size_t, size_t) = {
		ask_control, push_through_gate, ask_admission,
	};
	static uint8_t stream[STREAM_MAX];
	int fds[2];
	const int room = 1 << 20;
	if (size == 0 || size > INPUT_MAX || suite_start() != 0)
		return 0;
	if (untouched == 0)
		begin();
	const size_t blocks = fuzz_blocks_in_use();
	uint8_t how = fuzz_take_byte(&data, &size);
	size_t len = (how & 64) != 0 ? size : compose(stream, data, size);
	if ((how & 64) != 0)
		memcpy(stream, data, size);
	fuzz_need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, "no sockets");
	(void)setsockopt(fds[PEER], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	ends[(how & 15) % 3](fds, stream, len, (how & 128) != 0 ? len / 3 + 1 : len + 1);
	close(fds[PEER]);
	fuzz_blocks_check(blocks);
	remove_what_came();
	if (fuzzhold_state(&hold) != untouched) {
		fuzzhold_close(&hold);
		fuzzhold_open(&hold);
		assert(fuzzhold_state(&hold) == untouched);
	}
	return 0;
}
