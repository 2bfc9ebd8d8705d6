/*
 * scan: has a clamd look into files, as weir-seal does.
 *
 *   scan OPTION… FILE…    each FILE a member, "-" for stdin; prints "clean", or "VERDICT MEMBER: WHAT"
 *     --socket PATH       of clamd
 *     --timeout-ms N      20000
 *     --max N             max_bytes, 1 MiB
 *     --overlap N         overlap_bytes, 64 KiB
 *     --small N           also N members of 1 KiB, all different
 *     --text MIB          also one member of so much text, all different
 *     --edges FROM TO     instead: members of three windows with the EICAR test file at each of these offsets,
 *                         each over a session of its own; prints how many were found
 *
 * Behind the table of system calls that scan.h names.  Seconds and rates go to stderr.  Exit status: 0
 * clean, 1 refused, 2 wrong use, 3 another failure.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/confine.h"
#include "common/io.h"
#include "common/verdict.h"
#include "sender/scan.h"

enum { PIECE_BYTES = 65536, SMALL_BYTES = 1024 };

/* What scan.h says of the calls behind scan_open; fstat and newfstatat are stdio's. */
static const char *const table[] = {
	"memfd_create", "lseek", "read", "write", "sendmsg", "recvfrom", "poll", "close",
	"set_robust_list", "rseq", "fstat", "newfstatat", NULL,
};

struct run {
	struct scan_options options;
	uint64_t small;
	uint64_t text_mib;
	uint64_t first, last;
	bool has_edges;
	struct scan_finding finding;
	uint8_t piece[PIECE_BYTES];
};

static double now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int scan_file(struct run *run, struct scan *scan, const char *name, int fd)
{
	int result = scan_member_begin(scan, name);
	for (;;) {
		ssize_t n = read(fd, run->piece, sizeof(run->piece));
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (result == 0)
			result = scan_add(scan, run->piece, (size_t)n);
	}
	int ended = scan_member_end(scan);
	return result != 0 ? result : ended;
}

/* Lines of 64 bytes, each with its number. */
static void fill_lines(uint8_t *out, size_t len, uint64_t first)
{
	char line[80];
	for (size_t at = 0; at < len; at += 64) {
		snprintf(line, sizeof(line), "%020" PRIu64 ",%08x,a name,an address,12345,%012" PRIx64 "\n",
			 first, (unsigned int)(first * 2654435761U), first * 11400714819323198485U >> 16);
		memset(line + strlen(line), '\n', sizeof(line) - strlen(line));
		memcpy(out + at, line, 64);
		first++;
	}
}

static int scan_small(struct run *run, struct scan *scan)
{
	char name[32];
	int result = 0;
	double start = now_s();
	for (uint64_t i = 0; i < run->small && result == 0; i++) {
		fill_lines(run->piece, SMALL_BYTES, i << 32);
		snprintf(name, sizeof(name), "small-%" PRIu64, i);
		result = scan_member_begin(scan, name);
		if (result == 0)
			result = scan_add(scan, run->piece, SMALL_BYTES);
		if (result == 0)
			result = scan_member_end(scan);
	}
	if (result == 0)
		result = scan_finish(scan);
	fprintf(stderr, "%" PRIu64 " members of 1 KiB: %.2f s, %.0f a second\n", run->small,
		now_s() - start, (double)run->small / (now_s() - start));
	return result;
}

static int scan_text(struct run *run, struct scan *scan)
{
	double start = now_s();
	int result = scan_member_begin(scan, "text");
	for (uint64_t i = 0; i < run->text_mib * 16 && result == 0; i++) {
		fill_lines(run->piece, PIECE_BYTES, i << 16);
		result = scan_add(scan, run->piece, PIECE_BYTES);
	}
	int ended = scan_member_end(scan);
	if (result == 0)
		result = ended != 0 ? ended : scan_finish(scan);
	fprintf(stderr, "%" PRIu64 " MiB of text: %.2f s, %.0f MB/s\n", run->text_mib, now_s() - start,
		(double)run->text_mib * 1.048576 / (now_s() - start));
	return result;
}

static int report(const struct run *run, int result)
{
	if (result == 0)
		printf("clean\n");
	else
		printf("%s %s: %s\n", result > 0 ? verdict_name(result) : strerror(-result),
		       run->finding.member, run->finding.said);
	return result == 0 ? 0 : result > 0 ? 1 : 3;
}

static int scan_all(struct run *run, int count, char **names, const int *fds)
{
	struct scan *scan = NULL;
	int result = scan_open(&scan, &run->options, &run->finding);
	if (result == 0)
		result = confine_calls(table);
	if (result == 0)
		result = scan_begin(scan);
	fprintf(stderr, "begun: %s\n", result == 0 ? "yes" : "no");
	for (int i = 0; i < count && result == 0; i++)
		result = scan_file(run, scan, names[i], fds[i]);
	if (result == 0 && run->small > 0)
		result = scan_small(run, scan);
	if (result == 0 && run->text_mib > 0)
		result = scan_text(run, scan);
	if (result == 0)
		result = scan_finish(scan);
	scan_close(scan);
	return report(run, result);
}

/* One member of three windows; true when the test file in it was found. */
static bool is_found(struct run *run, uint8_t *data, size_t len, uint64_t at)
{
	static const char parts[2][40] = {"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-",
					  "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"};
	struct scan *scan = NULL;
	memset(data, 'x', len);
	memcpy(data + at, parts[0], strlen(parts[0]));
	memcpy(data + at + strlen(parts[0]), parts[1], strlen(parts[1]));
	int result = scan_open(&scan, &run->options, &run->finding);
	if (result == 0)
		result = scan_member_begin(scan, "edge");
	if (result == 0)
		result = scan_add(scan, data, len);
	if (result == 0)
		result = scan_member_end(scan);
	if (result == 0)
		result = scan_finish(scan);
	scan_close(scan);
	return result == VERDICT_INFECTED && strcmp(run->finding.member, "edge") == 0;
}

static int scan_edges(struct run *run)
{
	size_t len = (size_t)(3 * run->options.max_bytes - 2 * run->options.overlap_bytes);
	uint8_t *data = malloc(len);
	unsigned int found = 0;
	if (data == NULL || run->last + 68 > len)
		return 2;
	for (uint64_t at = run->first; at <= run->last; at++)
		found += is_found(run, data, len, at);
	free(data);
	printf("%u of %" PRIu64 " found\n", found, run->last - run->first + 1);
	return 0;
}

static int take_options(struct run *run, int argc, char **argv)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'}, {"timeout-ms", required_argument, NULL, 't'},
		{"max", required_argument, NULL, 'm'},	  {"overlap", required_argument, NULL, 'o'},
		{"small", required_argument, NULL, 'n'},  {"text", required_argument, NULL, 'x'},
		{"edges", required_argument, NULL, 'e'},  {NULL, 0, NULL, 0},
	};
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		uint64_t number = c == '?' || c == 's' ? 0 : strtoull(optarg, NULL, 10);
		if (c == 's')
			run->options.socket = optarg;
		else if (c == 't')
			run->options.timeout_ms = (uint32_t)number;
		else if (c == 'm')
			run->options.max_bytes = number;
		else if (c == 'o')
			run->options.overlap_bytes = number;
		else if (c == 'n')
			run->small = number;
		else if (c == 'x')
			run->text_mib = number;
		else if (c == 'e' && optind < argc) {
			run->has_edges = true;
			run->first = number;
			run->last = strtoull(argv[optind++], NULL, 10);
		} else
			return 2;
	}
	return run->options.socket != NULL ? 0 : 2;
}

int main(int argc, char **argv)
{
	static struct run run = {.options = {NULL, 20000, 1048576, 65536}};
	int fds[64];
	if (take_options(&run, argc, argv) != 0 || argc - optind > 64) {
		fprintf(stderr, "usage: scan --socket PATH [OPTION…] FILE…\n");
		return 2;
	}
	if (run.has_edges)
		return scan_edges(&run);
	for (int i = optind; i < argc; i++) {
		fds[i - optind] = strcmp(argv[i], "-") == 0 ? STDIN_FILENO : open(argv[i], O_RDONLY | O_CLOEXEC);
		if (fds[i - optind] < 0) {
			fprintf(stderr, "scan: cannot open '%s': %s\n", argv[i], strerror(errno));
			return 3;
		}
	}
	return scan_all(&run, argc - optind, argv + optind, fds);
}
