#include "acceptance.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "command.h"
#include "text.h"

enum { LABEL_CELLS = 34, SHEET_CELLS = 78, SHEET_RULE = 80 };

int acceptance_gather(struct acceptance *out, const struct config *config, int fd, const char *name, const char **file)
{
	struct acceptance a = {.side = config->side, .port = config->port};
	struct utsname host;
	bool is_protected;
	*file = config->box_key;
	int result = key_load_card(&a.box, config->box_key, &is_protected);
	if (result == 0) {
		*file = config->link_key;
		result = key_load_card(&a.link, config->link_key, &is_protected);
	}
	if (result != 0)
		return result;
	if (name[0] != 0 && interface_look(&a.interface, fd, name) != 0)
		snprintf(a.interface.name, sizeof(a.interface.name), "%s", name);
	if (uname(&host) == 0)
		snprintf(a.host, sizeof(a.host), "%.40s, %.20s %.60s %.20s", host.nodename, host.sysname, host.release,
			 host.machine);
	snprintf(a.address, sizeof(a.address), "%s", config->address);
	(void)linkwatch_describe(a.layers, config);
	*out = a;
	return 0;
}

/* Characters of Chinese and the forms that go with them take two cells. */
static size_t cells_of(const char *text)
{
	size_t cells = 0;
	for (const unsigned char *at = (const unsigned char *)text; *at != 0; at++)
		if ((*at & 0xc0) != 0x80)
			cells += *at >= 0xe3 ? 2 : 1;
	return cells;
}

static void pad(FILE *out, const char *text, size_t cells)
{
	size_t have = cells_of(text);
	fprintf(out, "%s%*s", text, (int)(have < cells ? cells - have : 0), "");
}

static void rule(FILE *out, char of)
{
	for (size_t i = 0; i < SHEET_RULE; i++)
		putc(of, out);
	putc('\n', out);
}

/* Behind a label, at blanks; a word that is longer than its line stays whole. */
static void print_wrapped(FILE *out, const char *text)
{
	size_t cells = 0;
	while (*text != 0) {
		size_t len = strcspn(text, " ");
		if (cells > 0 && cells + 1 + len > SHEET_RULE - LABEL_CELLS - 1) {
			fprintf(out, "\n %*s", LABEL_CELLS, "");
			cells = 0;
		}
		fprintf(out, "%s%.*s", cells > 0 ? " " : "", (int)len, text);
		cells += len + (cells > 0 ? 1 : 0);
		text += len;
		text += *text == ' ';
	}
	putc('\n', out);
}

__attribute__((format(printf, 3, 4)))
static void line(FILE *out, const char *label, const char *format, ...)
{
	va_list arguments;
	char text[640];
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	putc(' ', out);
	pad(out, label, LABEL_CELLS);
	print_wrapped(out, text);
}

static void describe_interface(char *out, size_t size, const struct interface *i)
{
	char speed[32] = "unknown";
	if (i->speed_bits_per_s > 0)
		text_rate(speed, sizeof(speed), i->speed_bits_per_s);
	if (i->name[0] == 0)
		snprintf(out, size, "not known; say 'interface' in [link]");
	else
		snprintf(out, size, "%s, driver %s, MTU %" PRIu32 ", speed %s", i->name,
			 i->driver[0] != 0 ? i->driver : "unknown", i->mtu, speed);
}

char *acceptance_test_id(char out[static TEST_ID_BYTES], uint64_t test_id)
{
	snprintf(out, TEST_ID_BYTES, "%016" PRIx64, test_id);
	return out;
}

char *acceptance_rate(char out[static ACCEPTANCE_RATE_BYTES], uint64_t bits_per_s)
{
	uint64_t unit = 1;
	while (bits_per_s / unit >= 1000)
		unit *= 10;
	return text_rate(out, ACCEPTANCE_RATE_BYTES, (bits_per_s + unit / 2) / unit * unit);
}

static void print_title(const struct acceptance *a, FILE *out)
{
	bool sends = a->side == CONFIG_SENDER;
	rule(out, '=');
	putc(' ', out);
	pad(out, "Acceptance of a one-way link", SHEET_CELLS - cells_of("單向鏈路驗收紀錄"));
	fprintf(out, "單向鏈路驗收紀錄\n ");
	const char *chinese = sends ? "傳送端" : "接收端";
	pad(out, sends ? "Sheet of the sending box" : "Sheet of the receiving box", SHEET_CELLS - cells_of(chinese));
	fprintf(out, "%s\n", chinese);
	rule(out, '=');
	putc('\n', out);
}

static void print_box(const struct acceptance *a, FILE *out)
{
	char print[FINGERPRINT_BYTES], text[160];
	line(out, "Box 機器", "%s", a->box.name);
	card_fingerprint(print, &a->box);
	line(out, "  fingerprint of its key 金鑰指紋", "%.23s", print);
	line(out, "", "%s", print + 24);
	card_fingerprint(print, &a->link);
	line(out, "Link key 鏈路金鑰", "%s", a->link.name);
	line(out, "  fingerprint 金鑰指紋", "%.23s", print);
	line(out, "", "%s", print + 24);
	line(out, "Machine 主機", "%s", a->host);
	line(out, "Software 軟體", "Weir %s", WEIR_VERSION);
	describe_interface(text, sizeof(text), &a->interface);
	line(out, "Interface 網路介面", "%s", text);
	line(out, a->side == CONFIG_SENDER ? "Sends to 傳送至" : "Listens at 接收於", "%s, UDP port %u", a->address, a->port);
	line(out, "Layers 防護層", "%s", a->layers);
}

void acceptance_print_head(const struct acceptance *a, FILE *out)
{
	char id[TEST_ID_BYTES], from[32], to[32];
	print_title(a, out);
	line(out, "Test id 測試編號", "%s", a->test_id != 0 ? acceptance_test_id(id, a->test_id) : "none was heard of");
	line(out, "Date 日期 (UTC)", "%s", text_time(from, sizeof(from), a->began_s));
	line(out, "  until 至", "%s", text_time(to, sizeof(to), a->ended_s));
	print_box(a, out);
}

void acceptance_print_heading(FILE *out, const char *english, const char *chinese)
{
	fprintf(out, "\n ");
	pad(out, english, SHEET_CELLS - cells_of(chinese));
	fprintf(out, "%s\n", chinese);
	rule(out, '-');
}

void acceptance_print_signatures(FILE *out)
{
	static const char *const left[] = {"Installer 安裝人員", "", "Name 姓名      ____________________", "",
		"Date 日期      ____________________", "", "Signature 簽章 ____________________"};
	static const char *const right[] = {"Owner of the link 權責主管", "", "Name 姓名      ____________________", "",
		"Date 日期      ____________________", "", "Signature 簽章 ____________________"};
	acceptance_print_heading(out, "Signatures", "簽署");
	putc('\n', out);
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		if (left[i][0] != 0) {
			putc(' ', out);
			pad(out, left[i], SHEET_CELLS / 2 + 1);
			fputs(right[i], out);
		}
		putc('\n', out);
	}
	rule(out, '=');
}

static struct json *card_json(const struct card *card)
{
	char print[FINGERPRINT_BYTES];
	struct json *object = json_object_new();
	json_set_text(object, "name", card->name);
	card_fingerprint(print, card);
	json_set_text(object, "fingerprint", print);
	return object;
}

static struct json *interface_json(const struct interface *i)
{
	struct json *object = json_object_new();
	json_set_text(object, "name", i->name[0] != 0 ? i->name : NULL);
	json_set_text(object, "driver", i->driver[0] != 0 ? i->driver : NULL);
	json_set_number(object, "mtu", i->mtu);
	json_set_number(object, "speed_bits_per_s", i->speed_bits_per_s);
	return object;
}

void acceptance_set_json(struct json *object, const struct acceptance *a)
{
	char id[TEST_ID_BYTES];
	json_set_text(object, "side", a->side == CONFIG_SENDER ? "sender" : "receiver");
	json_set_text(object, "test_id", a->test_id != 0 ? acceptance_test_id(id, a->test_id) : NULL);
	json_set_time(object, "began", a->began_s);
	json_set_time(object, "ended", a->ended_s);
	json_set_child(object, "box", card_json(&a->box));
	json_set_child(object, "link_key", card_json(&a->link));
	json_set_text(object, "machine", a->host);
	json_set_text(object, "weir", WEIR_VERSION);
	json_set_child(object, "interface", interface_json(&a->interface));
	json_set_text(object, "address", a->address);
	json_set_number(object, "port", a->port);
	json_set_text(object, "layers", a->layers);
}

int acceptance_check_path(const char *path)
{
	struct stat st;
	char folder[CONFIG_PATH_BYTES];
	if (strlen(path) >= sizeof(folder))
		return -ENAMETOOLONG;
	if (lstat(path, &st) == 0)
		return -EEXIST;
	memcpy(folder, path, strlen(path) + 1);
	if (stat(dirname(folder), &st) < 0)
		return -errno;
	bool is_mine = st.st_uid == geteuid() && (st.st_mode & S_IWUSR) != 0;
	bool is_everybodys = (st.st_mode & S_IWOTH) != 0;
	return is_mine || is_everybodys ? 0 : -EACCES;
}
