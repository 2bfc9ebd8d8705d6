/*
 * canaries: looks for texts that must be nowhere, in files and in the memory of processes, in one pass and in every form
 * in which a text may have got there.
 *
 *   canaries LIST [--raw FILE] [--but PATH]… WHERE…
 *
 * LIST has a text in UTF-8 on each line.  Each is looked for as it is, in Big5, in UTF-16 of both orders, in hexadecimal,
 * in base64 and base64url at any alignment, and as escapes of JSON, of C and of URLs, letters in either case.  A form of
 * fewer than FORM_MIN bytes would be found by chance, and is left out.  Of the FILE of --raw, which nothing compresses,
 * 16 bytes of each 1024 are looked for: they stand in a compressed form of it, too.
 *
 * WHERE is a file, a folder (with all below it, and the names of all below it), or pid:NUMBER: all that this process has
 * mapped, and the files without a name that it has open.  Files with a name, which it may share, are looked for in folders.
 * Folders named by --but are passed over.
 *
 * A line for each place and form in which something is: "PLACE: FORM N", N of different texts.  On stderr, how much was
 * looked into.  Exit status 0: nothing; 1: something; 2: it could not look.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <linux/magic.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
	FORM_MIN = 8,
	FORM_MAX = 1024,
	RAW_BYTES = 16,
	RAW_EVERY = 1024,
	CHUNK_BYTES = 1 << 20,
	FILTER_BITS = 21,
	TABLE_BITS = 18,
	BUT_MAX = 16,
	PATH_BYTES = 4096,
};

enum form { PLAIN, BIG5, UTF16LE, UTF16BE, HEX, BASE64, JSON, ESCAPED, PERCENT, RAW, FORMS };

static const char *const form_names[FORMS] = {"plain", "big5", "utf-16le", "utf-16be", "hex", "base64", "json", "escaped", "percent", "raw"};

struct pattern {
	struct pattern *next;
	size_t len;
	uint32_t text; /* which of the list */
	enum form form;
	uint8_t bytes[];
};

struct search {
	struct pattern *table[1 << TABLE_BITS];
	uint64_t filter[1 << (FILTER_BITS - 6)];
	size_t patterns, left_out, texts;
	uint8_t *seen; /* of the place: FORMS bits, two bytes a text */
	const char *but[BUT_MAX];
	size_t but_count;
	uint64_t bytes, files, found;
	bool could_not;
};

static void die(const char *what)
{
	fprintf(stderr, "canaries: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);
	if (memory == NULL)
		die("memory");
	return memory;
}

/* ---- what is looked for ---- */

static uint64_t hash_of(const uint8_t *bytes)
{
	uint64_t word;
	memcpy(&word, bytes, sizeof(word));
	return (word ^ word >> 29) * UINT64_C(0x9e3779b97f4a7c15);
}

static void add(struct search *s, enum form form, uint32_t text, const uint8_t *bytes, size_t len)
{
	if (len < FORM_MIN) {
		s->left_out++;
		return;
	}
	struct pattern *pattern = allocate(1, sizeof(*pattern) + len);
	uint64_t hash = hash_of(bytes);
	struct pattern **slot = &s->table[hash >> (64 - TABLE_BITS)];
	pattern->next = *slot;
	pattern->len = len;
	pattern->text = text;
	pattern->form = form;
	memcpy(pattern->bytes, bytes, len);
	*slot = pattern;
	uint64_t bit = hash >> (64 - FILTER_BITS);
	s->filter[bit >> 6] |= UINT64_C(1) << (bit & 63);
	s->patterns++;
}

/* The length, or 0 when the text has no such form. */
static size_t convert(uint8_t *out, size_t size, const char *to, const char *text, size_t len)
{
	iconv_t converter = iconv_open(to, "UTF-8");
	if (converter == (iconv_t)-1)
		die(to);
	char *from = (char *)(uintptr_t)text, *at = (char *)out;
	size_t room = size;
	size_t result = iconv(converter, &from, &len, &at, &room);
	iconv_close(converter);
	return result == (size_t)-1 ? 0 : size - room;
}

static bool is_ascii(const char *text)
{
	while (*text != 0)
		if ((uint8_t)*text++ > 126)
			return false;
	return true;
}

/* How a program writes down what it does not want to write. */
struct style {
	enum form form;
	const char *before;
	const char *digits;
	unsigned int bits, count; /* of a digit; digits */
	bool is_all;              /* ASCII, too */
};

#define LOWER "0123456789abcdef"
#define UPPER "0123456789ABCDEF"

static const struct style byte_styles[] = {
	{HEX, "", LOWER, 4, 2, true},       {HEX, "", UPPER, 4, 2, true},       {ESCAPED, "\\x", LOWER, 4, 2, false},
	{ESCAPED, "\\x", UPPER, 4, 2, false}, {ESCAPED, "\\", LOWER, 3, 3, false}, {PERCENT, "%", LOWER, 4, 2, false},
	{PERCENT, "%", UPPER, 4, 2, false},
};
static const struct style json_styles[] = {{JSON, "\\u", LOWER, 4, 4, false}, {JSON, "\\u", UPPER, 4, 4, false}};

/* `width` bytes to a unit, the first one counts most. */
static void add_styled(struct search *s, const struct style *style, uint32_t text, const uint8_t *bytes, size_t len, size_t width)
{
	char out[6 * FORM_MAX];
	size_t out_len = 0;
	for (size_t i = 0; i + width <= len; i += width) {
		unsigned int unit = width == 1 ? bytes[i] : (unsigned int)bytes[i] << 8 | bytes[i + 1];
		if (unit < 127 && !style->is_all) {
			out[out_len++] = (char)unit;
			continue;
		}
		for (const char *c = style->before; *c != 0; c++)
			out[out_len++] = *c;
		for (unsigned int digit = style->count; digit-- > 0;)
			out[out_len++] = style->digits[unit >> (digit * style->bits) & ((1U << style->bits) - 1)];
	}
	add(s, style->form, text, (uint8_t *)out, out_len);
}

/* Characters that are the same whatever stands before and behind, for the three places where it may begin. */
static void add_base64(struct search *s, uint32_t text, const uint8_t *bytes, size_t len)
{
	static const char *const alphabets[] = {
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
	};
	for (size_t before = 0; before < 3; before++) {
		uint8_t out[2][2 * FORM_MAX];
		size_t out_len = 0, first = (before * 8 + 5) / 6, end = (before + len) * 8 / 6;
		for (size_t c = first; c < end; c++, out_len++) {
			unsigned int six = 0;
			for (size_t bit = c * 6; bit < c * 6 + 6; bit++)
				six = six << 1 | (bytes[bit / 8 - before] >> (7 - bit % 8) & 1);
			out[0][out_len] = (uint8_t)alphabets[0][six];
			out[1][out_len] = (uint8_t)alphabets[1][six];
		}
		add(s, BASE64, text, out[0], out_len);
		if (memcmp(out[0], out[1], out_len) != 0)
			add(s, BASE64, text, out[1], out_len);
	}
}

/* Forms of bytes as they would stand in a file. */
static void add_bytes(struct search *s, enum form form, uint32_t text, const uint8_t *bytes, size_t len, bool is_plain)
{
	add(s, form, text, bytes, len);
	for (size_t i = 0; i < sizeof(byte_styles) / sizeof(byte_styles[0]); i++)
		if (byte_styles[i].is_all || !is_plain)
			add_styled(s, &byte_styles[i], text, bytes, len, 1);
	add_base64(s, text, bytes, len);
}

static void add_text(struct search *s, uint32_t text, const char *line, size_t len)
{
	uint8_t out[4 * FORM_MAX];
	bool is_plain = is_ascii(line);
	add_bytes(s, PLAIN, text, (const uint8_t *)line, len, is_plain);
	size_t out_len = convert(out, sizeof(out), "UTF-16LE", line, len);
	add(s, UTF16LE, text, out, out_len);
	out_len = convert(out, sizeof(out), "UTF-16BE", line, len);
	add(s, UTF16BE, text, out, out_len);
	if (is_plain)
		return;
	for (size_t i = 0; i < sizeof(json_styles) / sizeof(json_styles[0]); i++)
		add_styled(s, &json_styles[i], text, out, out_len, 2);
	out_len = convert(out, sizeof(out), "BIG5", line, len);
	if (out_len > 0)
		add_bytes(s, BIG5, text, out, out_len, false);
}

static void load_list(struct search *s, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[FORM_MAX / 4];
	if (file == NULL)
		die(path);
	while (fgets(line, sizeof(line), file) != NULL) {
		size_t len = strcspn(line, "\n");
		line[len] = 0;
		if (len > 0)
			add_text(s, (uint32_t)s->texts++, line, len);
	}
	fclose(file);
}

static void load_raw(struct search *s, const char *path)
{
	FILE *file = fopen(path, "re");
	uint8_t bytes[RAW_EVERY];
	if (file == NULL)
		die(path);
	while (fread(bytes, sizeof(bytes), 1, file) == 1)
		add(s, RAW, (uint32_t)s->texts++, bytes + RAW_EVERY / 2, RAW_BYTES);
	fclose(file);
}

/* ---- looking ---- */

static void compare(struct search *s, const uint8_t *at, size_t len, uint64_t hash)
{
	for (const struct pattern *p = s->table[hash >> (64 - TABLE_BITS)]; p != NULL; p = p->next)
		if (p->len <= len && memcmp(p->bytes, at, p->len) == 0) {
			unsigned int bit = 1U << p->form;
			s->seen[2 * p->text] |= (uint8_t)bit;
			s->seen[2 * p->text + 1] |= (uint8_t)(bit >> 8);
		}
}

static void look(struct search *s, const uint8_t *bytes, size_t len)
{
	static const uint8_t zeros[4096];
	for (size_t i = 0; i + FORM_MIN <= len; i++) {
		/* most of a memory is empty, and no form begins so */
		while (i + sizeof(zeros) <= len && bytes[i] == 0 && memcmp(bytes + i, zeros, sizeof(zeros)) == 0)
			i += sizeof(zeros) - FORM_MIN + 1;
		uint64_t hash = hash_of(bytes + i), bit = hash >> (64 - FILTER_BITS);
		if (s->filter[bit >> 6] >> (bit & 63) & 1)
			compare(s, bytes + i, len - i, hash);
	}
}

static void tell(struct search *s, const char *place)
{
	size_t counts[FORMS] = {0};
	for (size_t text = 0; text < s->texts; text++)
		for (unsigned int form = 0; form < FORMS; form++)
			counts[form] += (s->seen[2 * text] | (unsigned int)s->seen[2 * text + 1] << 8) >> form & 1;
	for (size_t form = 0; form < FORMS; form++)
		if (counts[form] > 0) {
			printf("%s: %s %zu\n", place, form_names[form], counts[form]);
			s->found++;
		}
	memset(s->seen, 0, 2 * s->texts);
}

/*
 * From begin to end, or to the end of the file.  What cannot be read of a memory is passed over by pages, when `is_memory`.
 * The bytes read.
 */
static uint64_t look_range(struct search *s, int fd, uint64_t begin, uint64_t end, bool is_memory)
{
	static uint8_t buffer[6 * FORM_MAX + CHUNK_BYTES];
	size_t kept = 0;
	uint64_t total = 0;
	for (uint64_t at = begin; at < end;) {
		size_t want = end - at < CHUNK_BYTES ? (size_t)(end - at) : CHUNK_BYTES;
		ssize_t n = pread(fd, buffer + kept, want, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 && !is_memory) {
			if (n < 0)
				die("read");
			break;
		}
		if (n <= 0) {
			at += 4096;
			kept = 0;
			continue;
		}
		look(s, buffer, kept + (size_t)n);
		at += (size_t)n;
		total += (size_t)n;
		size_t all = kept + (size_t)n;
		kept = all < 6 * FORM_MAX ? all : 6 * FORM_MAX;
		memmove(buffer, buffer + all - kept, kept);
	}
	s->bytes += total;
	return total;
}

static void look_file(struct search *s, const char *path, const char *name)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW * (name == path));
	if (fd < 0) {
		/* gone since it was listed */
		if (errno != ENOENT) {
			fprintf(stderr, "canaries: %s: %s\n", path, strerror(errno));
			s->could_not = true;
		}
		return;
	}
	struct statfs where;
	if (fstatfs(fd, &where) == 0 && where.f_type == NSFS_MAGIC) {
		close(fd);
		return;
	}
	s->files++;
	look_range(s, fd, 0, UINT64_MAX >> 1, false);
	close(fd);
	tell(s, name);
}

static bool is_passed_over(const struct search *s, const char *path)
{
	for (size_t i = 0; i < s->but_count; i++)
		if (strcmp(s->but[i], path) == 0)
			return true;
	return false;
}

static void look_at(struct search *s, const char *path);

static void look_below(struct search *s, const char *path)
{
	DIR *folder = opendir(path);
	if (folder == NULL) {
		if (errno != ENOENT)
			die(path);
		return;
	}
	for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		char below[PATH_BYTES];
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) >= (int)sizeof(below))
			die(path);
		look(s, (const uint8_t *)entry->d_name, strlen(entry->d_name));
		tell(s, "a name");
		look_at(s, below);
	}
	closedir(folder);
}

static void look_at(struct search *s, const char *path)
{
	struct stat about;
	if (is_passed_over(s, path))
		return;
	if (lstat(path, &about) != 0) {
		if (errno != ENOENT)
			die(path);
		return;
	}
	if (S_ISDIR(about.st_mode))
		look_below(s, path);
	else if (S_ISREG(about.st_mode))
		look_file(s, path, path);
}

static void look_open_files(struct search *s, const char *pid, const char *place)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *folder = opendir(path);
	if (folder == NULL)
		die(path);
	for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		char link[PATH_BYTES + 256], target[PATH_BYTES], name[3 * PATH_BYTES];
		struct stat about;
		snprintf(link, sizeof(link), "%s/%s", path, entry->d_name);
		ssize_t len = readlink(link, target, sizeof(target) - 1);
		if (len < 0 || stat(link, &about) != 0 || !S_ISREG(about.st_mode) || about.st_nlink > 0)
			continue;
		target[len] = 0;
		snprintf(name, sizeof(name), "%s %s", place, target);
		look_file(s, link, name);
	}
	closedir(folder);
}

/* Of the kernel's, or a file that is shared under its name. */
static bool is_elsewhere(const char *line)
{
	const char *rights = strchr(line, ' '), *path = strchr(line, '/');
	return strstr(line, "[vsyscall]") != NULL || strstr(line, "[vvar") != NULL ||
	       (rights != NULL && rights[4] == 's' && path != NULL && strstr(path, "(deleted)") == NULL);
}

static void look_process(struct search *s, const char *pid)
{
	char path[64], line[PATH_BYTES + 256], place[128], comm[32] = "";
	uint64_t total = 0;
	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	FILE *file = fopen(path, "re");
	if (file == NULL || fgets(comm, sizeof(comm), file) == NULL)
		die(path);
	fclose(file);
	comm[strcspn(comm, "\n")] = 0;
	snprintf(place, sizeof(place), "memory of %s", comm);
	snprintf(path, sizeof(path), "/proc/%.20s/mem", pid);
	int memory = open(path, O_RDONLY | O_CLOEXEC);
	if (memory < 0)
		die(path);
	snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
	file = fopen(path, "re");
	if (file == NULL)
		die(path);
	while (fgets(line, sizeof(line), file) != NULL) {
		char *end;
		uint64_t begin = strtoull(line, &end, 16), until = strtoull(end + 1, NULL, 16);
		if (!is_elsewhere(line))
			total += look_range(s, memory, begin, until, true);
	}
	fclose(file);
	close(memory);
	tell(s, place);
	if (total == 0) {
		fprintf(stderr, "canaries: %s: nothing could be read\n", place);
		s->could_not = true;
	}
	look_open_files(s, pid, place);
}

int main(int argc, char **argv)
{
	struct search *s = allocate(1, sizeof(*s));
	int at = 2;
	if (argc < 3) {
		fprintf(stderr, "usage: canaries LIST [--raw FILE] [--but PATH]… WHERE…\n");
		return 2;
	}
	load_list(s, argv[1]);
	for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2)
		if (strcmp(argv[at], "--raw") == 0)
			load_raw(s, argv[at + 1]);
		else if (strcmp(argv[at], "--but") == 0 && s->but_count < BUT_MAX)
			s->but[s->but_count++] = argv[at + 1];
		else
			die(argv[at]);
	if (s->patterns == 0 || at == argc) {
		fprintf(stderr, "canaries: nothing to look for, or nowhere\n");
		return 2;
	}
	s->seen = allocate(s->texts, 2);
	for (; at < argc; at++)
		if (strncmp(argv[at], "pid:", 4) == 0)
			look_process(s, argv[at] + 4);
		else if (access(argv[at], F_OK) == 0)
			look_at(s, argv[at]);
		else
			die(argv[at]);
	fprintf(stderr, "canaries: %zu texts in %zu forms (%zu too short) looked for in %" PRIu64 " files and %" PRIu64 " bytes\n",
		s->texts, s->patterns, s->left_out, s->files, s->bytes);
	return s->could_not ? 2 : s->found > 0 ? 1 : 0;
}
