/*
 * Whoever asks over a local socket, and any bytes for an answer: the first byte chooses who asks.  The answer is
 * bytes as they are or whole frames of any content (type, u16 length, payload), and then the end of the stream.
 */
#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "common/cursor.h"
#include "common/io.h"
#include "common/verdict.h"
#include "sender/asking.h"
#include "sender/clamd.h"
#include "sender/deposit.h"
#include "sender/flow.h"
#include "sender/submit.h"
#include "tests/lib/fuzzblocks.h"

enum { STREAM_MAX = 131072, FRAMES_MAX = 24, RAW = 64 };

/* What the one that is asked will say, and where: control.sock in the runtime directory; clamd's socket as well. */
static struct {
	char path[96];
	uint8_t answer[STREAM_MAX];
	size_t len;
} asked;

static struct signer *signer; /* wang-mei */

static void compose(const uint8_t *data, size_t size)
{
	struct writer w = writer_of(asked.answer, STREAM_MAX);
	for (int i = 0; i < FRAMES_MAX && size > 0; i++) {
		uint8_t type = fuzz_take_byte(&data, &size);
		uint16_t len = 0;
		fuzz_take(&len, sizeof(len), &data, &size);
		size_t n = len < size ? len : size;
		write_u32(&w, (uint32_t)n);
		write_u16(&w, type);
		write_u16(&w, 0);
		write_bytes(&w, data, n);
		data += n;
		size -= n;
	}
	asked.len = w.overrun ? 0 : w.at;
}

/* A socket on which the whole answer waits already. */
static int answered(void)
{
	int fds[2];
	const int room = 2 * STREAM_MAX;
	fuzz_need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, "no sockets");
	(void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	(void)send(fds[0], asked.answer, asked.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fds[0], SHUT_WR);
	/* it must stay, so that what is said to it is no error */
	static int other = -1;
	if (other >= 0)
		close(other);
	other = fds[0];
	return fds[1];
}

/*
 * In the place of libc's: who connects to the one that is asked gets such a socket for its own.  A listener and a
 * thread that accepts would do the same in fifty times the time.
 */
FUZZ_UNCOUNTED int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	const struct sockaddr_un *local = (const struct sockaddr_un *)(const void *)address;
	if (asked.path[0] == 0 || address->sa_family != AF_UNIX || strcmp(local->sun_path, asked.path) != 0)
		return (int)syscall(SYS_connect, fd, address, len);
	int flags = fcntl(fd, F_GETFL), end = answered();
	fuzz_need(flags >= 0 && dup3(end, fd, O_CLOEXEC) == fd && fcntl(fd, F_SETFL, flags) == 0, "no socket of its own");
	close(end);
	return 0;
}

static void check_item(void *context, const struct local_item *item)
{
	(void)context;
	assert(strnlen(item->name, sizeof(item->name)) < sizeof(item->name));
	assert(strnlen(item->route, sizeof(item->route)) < sizeof(item->route));
	assert(strcmp(local_state_name(item->state), "unknown") != 0);
}

static void check_order(void *context, const struct local_order *order)
{
	(void)context;
	assert(order->order.signer_count <= ORDER_SIGNERS_MAX);
}

static void check_revoked(void *context, const struct local_revoked *revoked)
{
	(void)context;
	assert(strnlen(revoked->route, NAME_BYTES) < NAME_BYTES && strnlen(revoked->person, NAME_BYTES) < NAME_BYTES);
}

static int sign(void *context, const struct local_resend_found *found, struct resendorder *order)
{
	(void)context;
	*order = (struct resendorder){.what = found->what, .epoch = found->epoch, .at = 1, .person = "wang-mei"};
	assert(strnlen(found->name, sizeof(found->name)) < sizeof(found->name));
	return found->by_code ? VERDICT_NOT_ALLOWED : 0;
}

static void ask_list(void)
{
	struct local_refused refused = {.result = 0};
	(void)asking_list(fuzz_dir(), NULL, check_item, NULL, &refused);
	assert(strnlen(refused.where, sizeof(refused.where)) < sizeof(refused.where));
}

static void ask_do(void)
{
	struct local_refused refused = {.result = 0};
	uint32_t count;
	(void)asking_do(fuzz_dir(), LOCAL_DENY, "x", 1, &count, &refused);
}

static void ask_orders(void)
{
	struct local_refused refused = {.result = 0};
	const struct asking_orders take = {check_order, check_revoked, NULL};
	(void)asking_orders(fuzz_dir(), &take, &refused);
}

static void ask_resend(void)
{
	struct local_refused refused = {.result = 0};
	struct local_resend_taken taken;
	const struct asking_resend ask = {sign, NULL};
	(void)asking_resend(fuzz_dir(), "tax-000001", &ask, &taken, &refused);
}

static void ask_case(void)
{
	struct local_refused refused = {.result = 0};
	struct casefile *file = NULL;
	struct manifest manifest;
	if (casefile_fetch(&file, fuzz_dir(), "tax-000001", &refused) != 0)
		return;
	assert(file->len == (size_t)file->about.statement.manifest_segments * SEGMENT_BYTES);
	uint8_t secret[SUITE_KEY_BYTES];
	key_reading_secret(secret, signer_key(signer));
	if (casefile_open(&manifest, file, signer_card(signer), secret) == 0)
		manifest_free(&manifest);
	casefile_free(file);
}

static void ask_seal(void)
{
	struct submit *submit = NULL;
	struct local_accepted accepted;
	struct submit_options options = {
		.fd = answered(), .push = {.route = "tax", .person = "wang-mei"}, .signer = signer};
	memcpy(options.push.person_key, signer_card(signer)->id, KEY_ID_BYTES);
	int result = submit_start(&submit, &options);
	if (result == 0)
		result = submit_begin(submit, "a", 1, 2);
	if (result == 0)
		result = submit_end(submit);
	if (result == 0)
		result = submit_finish(submit, &accepted);
	assert(result != 0 || !submit_is_open(submit));
	assert(strnlen(submit_where(submit), LOCAL_WHERE_BYTES + 1) <= LOCAL_WHERE_BYTES);
	submit_free(submit);
	close(options.fd);
}

static void ask_hold_for_seal(void)
{
	static struct local_commit commit;
	struct deposit deposit = {.fd = answered(), .where = "spool"};
	struct local_caller caller = {.uid = 1};
	struct local_accepted accepted;
	int result = deposit_begin(&deposit, &caller);
	if (result == 0)
		result = deposit_result(&deposit, deposit_body(&deposit, "body", 4));
	if (result == 0)
		result = deposit_commit(&deposit, &commit, &accepted);
	assert(result != 0 || strnlen(accepted.name, BUNDLE_NAME_BYTES) < BUNDLE_NAME_BYTES);
	assert(strnlen(deposit.where, sizeof(deposit.where)) < sizeof(deposit.where));
	close(deposit.fd);
}

/* Both readers of frames say the same. */
static void read_frames(void)
{
	static uint8_t buffer[CHANNEL_BYTES_MAX];
	struct inflow *inflow = NULL;
	int first = answered(), result, other;
	fuzz_need(inflow_new(&inflow, first) == 0, "no flow");
	do {
		uint16_t type = 0;
		const uint8_t *payload = NULL;
		size_t len = 0;
		result = inflow_next(inflow, &type, &payload, &len);
	} while (result == 0);
	inflow_free(inflow);
	close(first);
	first = answered();
	do {
		uint16_t type;
		size_t len = 0;
		other = channel_receive(first, &type, buffer, sizeof(buffer), &len);
	} while (other == 0);
	assert(other == result);
	close(first);
}

static void ask_clamd(void)
{
	const struct clamd_options options = {.socket = asked.path, .timeout_ms = 5000, .bytes_max = 1 << 20};
	struct scan_finding finding = {.member = ""};
	struct clamd *clamd = NULL;
	static int file = -1;
	if (file < 0)
		file = memfd_create("member", MFD_CLOEXEC);
	if (clamd_open(&clamd, &options, &finding) != 0)
		return;
	for (int i = 0; i < 3; i++)
		(void)clamd_give(clamd, file, 10, "member");
	int result = clamd_wait(clamd);
	clamd_finding(clamd, &finding);
	assert(result == 0 || result == VERDICT_INFECTED || result == VERDICT_NOT_SCANNED);
	assert((result == VERDICT_INFECTED) <= finding.is_signature);
	/* what is shown has no raw byte in it */
	for (const char *p = finding.said; *p != 0; p++)
		assert((unsigned char)*p >= ' ' && *p != 0x7f);
	clamd_close(clamd);
}

/* A key file, for that is how a signer is opened. */
static void make_signer(void)
{
	uint8_t file[KEY_FILE_BYTES];
	char path[96];
	struct key *key = key_new(KEY_PERSON, "wang-mei");
	snprintf(path, sizeof(path), "%s/key", fuzz_dir());
	int dir = fuzz_dir_fd(".");
	fuzz_need(key != NULL && key_encode(file, key, NULL, 0, 0) == 0, "no key");
	fuzz_put(dir, "key", file, sizeof(file));
	fuzz_need(signer_open(&signer, KEY_PERSON, path, NULL, NULL) == 0, "no signer");
	key_free(key);
	close(dir);
}

static void start(void)
{
	make_signer();
	snprintf(asked.path, sizeof(asked.path), "%s/" CONTROL_SOCKET, fuzz_dir());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const askers[])(void) = {
		ask_list, ask_resend, ask_case, ask_seal, ask_hold_for_seal, read_frames, ask_clamd, ask_do, ask_orders,
	};
	if (size == 0 || size > STREAM_MAX / 2 || suite_start() != 0)
		return 0;
	if (signer == NULL)
		start();
	uint8_t how = fuzz_take_byte(&data, &size);
	if ((how & RAW) != 0) {
		memcpy(asked.answer, data, size);
		asked.len = size;
	} else {
		compose(data, size);
	}
	const size_t blocks = fuzz_blocks_in_use();
	askers[(how & 15) % (sizeof(askers) / sizeof(askers[0]))]();
	fuzz_blocks_check(blocks);
	return 0;
}
