/*
 * weir-outbox ledger send: the sending box pushes its own ledger, with its own key, on the route that is
 * reserved for that.  LEDGER.md 9.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/command.h"
#include "common/confine.h"
#include "common/io.h"
#include "common/ledgercommand.h"
#include "common/ledgerline.h"
#include "common/text.h"
#include "common/verdict.h"
#include "outbox.h"
#include "setup.h"
#include "submit.h"

#define SENT_FILE "ledger-sent"

enum { TAIL_BYTES = 8192, SENT_TEXT_BYTES = 128 };

/* From here on it reads the ledger and talks to one socket; one file is written at the end. */
static const char *const send_calls[] = {
	"read", "pread64", "write", "close", "openat", "fstat", "newfstatat", "lseek", "sendto", "sendmsg",
	"recvfrom", "recvmsg", "fcntl", "poll", "munlock", "mlock", "geteuid", "getuid", "mremap", "ioctl",
	"fsync", "renameat", "unlinkat", "fchmod",
	NULL,
};

/* How far it was sent: so many bytes of this file, and all files before it. */
struct sent {
	struct ledger_file file;
	uint64_t bytes;
};

struct sending {
	struct config config;
	struct signer *box;
	int spool_fd;
	int ledger_fd;
	struct ledger_file *files;
	size_t count;
	size_t first;     /* of the files that are sent */
	struct sent sent; /* as it will be remembered */
	int fd;
	struct submit *submit;
	uint64_t bytes;
	size_t members;
};

/* *out is all zero when nothing was sent yet.  What cannot be read is as nothing: then all is sent again. */
static int read_sent(struct sent *out, int spool_fd)
{
	uint8_t *text = NULL;
	size_t len = 0;
	*out = (struct sent){.bytes = 0};
	int result = io_read_file(spool_fd, SENT_FILE, SENT_TEXT_BYTES, &text, &len);
	if (result != 0)
		return result == -ENOENT ? 0 : result;
	char *name = (char *)text, *bytes = strchr(name, ' ');
	struct sent sent = {.bytes = 0};
	if (bytes != NULL) {
		*bytes++ = 0;
		bytes[strcspn(bytes, "\n")] = 0;
		if (ledger_file_parse(&sent.file, name) &&
		    text_parse_u64(&sent.bytes, bytes, UINT64_MAX) == 0)
			*out = sent;
	}
	free(text);
	return 0;
}

static int write_sent(const struct sending *s)
{
	char name[LEDGER_FILE_NAME_BYTES], text[SENT_TEXT_BYTES];
	ledger_file_name(name, &s->sent.file);
	int len = snprintf(text, sizeof(text), "%s %llu\n", name, (unsigned long long)s->sent.bytes);
	return io_write_file(s->spool_fd, SENT_FILE, text, (size_t)len, 0640);
}

/* The bytes up to the newest whole line: what stands behind it is being written. */
static int whole_lines(uint64_t *out, int fd)
{
	struct stat st;
	uint8_t tail[TAIL_BYTES];
	if (fstat(fd, &st) < 0)
		return -errno;
	uint64_t end = (uint64_t)st.st_size;
	while (end > 0) {
		uint64_t from = end > TAIL_BYTES ? end - TAIL_BYTES : 0;
		int result = io_pread_exact(fd, tail, (size_t)(end - from), from);
		if (result != 0)
			return result;
		const uint8_t *feed = memrchr(tail, '\n', (size_t)(end - from));
		if (feed != NULL) {
			*out = from + (uint64_t)(feed - tail) + 1;
			return 0;
		}
		end = from;
	}
	*out = 0;
	return 0;
}

static int size_of(const struct sending *s, size_t index, uint64_t *out)
{
	int fd = ledger_file_open(s->ledger_fd, &s->files[index], O_RDONLY);
	if (fd < 0)
		return fd;
	int result = whole_lines(out, fd);
	io_close(fd);
	return result;
}

/* The file that was sent last is sent again when it has grown; those before it are complete there. */
static int find_first(struct sending *s, const struct sent *sent)
{
	while (s->first < s->count && s->files[s->first].first < sent->file.first)
		s->first++;
	if (s->first == s->count || s->files[s->first].first != sent->file.first)
		return 0;
	uint64_t bytes = 0;
	int result = size_of(s, s->first, &bytes);
	if (result == 0 && bytes <= sent->bytes)
		s->first++;
	return result;
}

static int load(struct sending *s)
{
	char path[2 * CONFIG_PATH_BYTES], shown[2 * CONFIG_PATH_BYTES];
	struct sent sent;
	text_escape_name(shown, sizeof(shown), s->config.spool);
	int result = setup_path(path, sizeof(path), s->config.spool, "ledger");
	if (result != 0)
		return command_fail(result, "cannot open the ledger in '%s'", shown);
	s->spool_fd = io_open_dir(AT_FDCWD, s->config.spool);
	s->ledger_fd = s->spool_fd < 0 ? s->spool_fd : io_open_dir(AT_FDCWD, path);
	result = s->ledger_fd < 0 ? s->ledger_fd : ledger_file_list(s->ledger_fd, &s->files, &s->count);
	if (result == 0)
		result = read_sent(&sent, s->spool_fd);
	if (result == 0)
		result = find_first(s, &sent);
	if (result != 0)
		return command_fail(result, "cannot read the ledger in '%s'", shown);
	s->sent = sent;
	return EXIT_DONE;
}

static int send_file(struct sending *s, size_t index)
{
	char name[LEDGER_FILE_NAME_BYTES];
	uint64_t bytes = 0;
	struct stat st = {.st_size = 0};
	ledger_file_name(name, &s->files[index]);
	int fd = ledger_file_open(s->ledger_fd, &s->files[index], O_RDONLY);
	if (fd < 0)
		return fd;
	int result = fstat(fd, &st) < 0 ? -errno : whole_lines(&bytes, fd);
	if (result == 0)
		result = submit_begin(s->submit, name, st.st_mtim.tv_sec, (uint32_t)st.st_mtim.tv_nsec);
	if (result == 0)
		result = submit_read_part(s->submit, fd, bytes);
	io_close(fd);
	if (result == 0)
		result = submit_end(s->submit);
	if (result != 0)
		return result;
	s->sent = (struct sent){s->files[index], bytes};
	s->bytes += bytes;
	s->members++;
	return 0;
}

static int connect_seal(struct sending *s)
{
	char path[2 * CONFIG_PATH_BYTES];
	const struct card *card = signer_card(s->box);
	int result = setup_path(path, sizeof(path), s->config.runtime, SEAL_SOCKET);
	s->fd = result != 0 ? result : channel_connect(path);
	if (s->fd < 0)
		return outbox_cannot_reach(s->fd, "weir-seal", s->config.runtime, SEAL_SOCKET);
	result = confine_privileges();
	if (result == 0)
		result = confine_calls(send_calls);
	return result == 0 ? EXIT_DONE
			   : command_fail(result, "cannot confine this program as '%s'", card->name);
}

static int submit_all(struct sending *s, struct local_accepted *accepted)
{
	const struct card *card = signer_card(s->box);
	struct submit_options options = {
		.fd = s->fd,
		.push = {.origin = LOCAL_FILES},
		.signer = s->box,
	};
	snprintf(options.push.route, sizeof(options.push.route), "%s", LEDGER_ROUTE);
	memcpy(options.push.person, card->name, NAME_BYTES);
	memcpy(options.push.person_key, card->id, KEY_ID_BYTES);
	int result = submit_start(&s->submit, &options);
	for (size_t i = s->first; result == 0 && i < s->count; i++)
		result = send_file(s, i);
	return result == 0 ? submit_finish(s->submit, accepted) : result;
}

/* What is not known to be accepted is sent once more: the receiver gets it twice, and lacks nothing. */
static int fail(const struct sending *s, int result)
{
	char escaped[2 * LOCAL_WHERE_BYTES];
	const char *about = submit_where(s->submit);
	if (result == -ECONNRESET) {
		command_say("weir-seal or weir-hold ended; the ledger is sent with the next 'ledger send'");
		return EXIT_ENVIRONMENT;
	}
	if (outbox_is_unanswered(result, about))
		return EXIT_ENVIRONMENT;
	return command_fail(result, "the ledger was not sent: '%s'",
			    text_escape_name(escaped, sizeof(escaped), about[0] != 0 ? about : LEDGER_ROUTE));
}

/* A box without auditors has nobody to send it to. */
static int find_route(const struct sending *s, bool *has_route)
{
	struct setup_problem problem;
	char text[SETUP_TEXT_BYTES];
	int result = setup_has_route(has_route, &s->config, LEDGER_ROUTE, &problem);
	return result == 0 ? EXIT_DONE : command_fail(result, "cannot load %s", setup_describe(text, &problem));
}

static int run(struct sending *s, const char *config_path)
{
	struct local_accepted accepted;
	char size[32];
	bool has_route = false;
	int code = outbox_config(&s->config, config_path);
	if (code == EXIT_DONE)
		code = find_route(s, &has_route);
	if (code == EXIT_DONE && !has_route) {
		puts("nothing is sent: the registry has no route '" LEDGER_ROUTE "'");
		return EXIT_DONE;
	}
	if (code == EXIT_DONE)
		code = signer_open(&s->box, KEY_SENDER, s->config.box_key, NULL, NULL);
	if (code == EXIT_DONE)
		code = load(s);
	if (code != EXIT_DONE)
		return code;
	if (s->first == s->count) {
		puts("nothing new: the ledger was sent before");
		return EXIT_DONE;
	}
	code = connect_seal(s);
	if (code != EXIT_DONE)
		return code;
	int result = submit_all(s, &accepted);
	if (result != 0)
		return fail(s, result);
	printf("accepted: %s (%zu file%s, %s)\n", accepted.name, s->members, s->members == 1 ? "" : "s",
	       text_size(size, sizeof(size), s->bytes));
	result = write_sent(s);
	return result == 0 ? EXIT_DONE
			   : command_fail(result, "cannot remember what was sent in '" SENT_FILE
						  "'; it is sent again the next time");
}

static int parse(const char **config, int argc, char **argv)
{
	static const struct option table[] = {{"config", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0}};
	*config = NULL;
	optind = 0;
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		if (c != 'c')
			return command_usage("an option is unknown or lacks its value");
		*config = optarg;
	}
	return optind == argc ? EXIT_DONE : command_usage("'ledger send' takes --config FILE alone");
}

static int ledger_send(int argc, char **argv)
{
	struct sending s = {.spool_fd = -1, .ledger_fd = -1, .fd = -1};
	const char *config_path;
	int code = parse(&config_path, argc, argv);
	if (code == EXIT_DONE)
		code = run(&s, config_path);
	submit_free(s.submit);
	signer_free(s.box);
	io_close(s.fd);
	io_close(s.ledger_fd);
	io_close(s.spool_fd);
	free(s.files);
	return code;
}

int outbox_ledger(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "send") == 0)
		return ledger_send(argc - 1, argv + 1);
	return ledger_command(CONFIG_SENDER, SENDER_CONFIG, argc, argv);
}
