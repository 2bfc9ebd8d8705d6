#include "boxfiles.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle.h"
#include "template.h"
#include "text.h"

#define SENDER_ADDRESS "192.0.2.1"
#define RECEIVER_ADDRESS "192.0.2.2"
#define SENDER_FOLDER "/var/lib/weir-sender"
#define RECEIVER_FOLDER "/var/lib/weir-receiver"

enum { MTU_MIN = 1500, MTU_MAX = 9000, PREFIX_MIN = 8, PREFIX_MAX = 30, LINE_BYTES = 256, FILE_MODE = 0644 };

/* ---- what will do as an answer ---- */

static const char *judge_name(const char *answer)
{
	return name_is_valid(answer) ? NULL : "a name is a-z, then up to 30 of a-z 0-9 -";
}

static const char *judge_nic(const char *answer)
{
	bool is_good = strlen(answer) < NICLIST_NAME_BYTES;
	for (const char *p = answer; *p != 0; p++)
		is_good = is_good && *p > ' ' && *p < 127 && strchr("/:;#[]\"'\\", *p) == NULL;
	return is_good ? NULL : "this is no name of a network interface";
}

static const char *judge_address(const char *answer)
{
	struct in_addr address;
	return inet_pton(AF_INET, answer, &address) == 1 ? NULL : "an address reads 192.0.2.1";
}

static const char *judge_mtu(const char *answer)
{
	uint64_t mtu;
	return text_parse_u64(&mtu, answer, MTU_MAX) == 0 && mtu >= MTU_MIN ? NULL : "an MTU is from 1500 to 9000";
}

/* As a configuration takes it, which has the last word. */
static const char *judge_rate(const char *answer)
{
	static const char *const units[] = {"kbit/s", "Mbit/s", "Gbit/s"};
	size_t digits = strspn(answer, "0123456789");
	const char *rest = answer + digits;
	if (digits > 0 && *rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	for (size_t i = 0; digits > 0 && *rest == ' ' && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(rest + 1, units[i]) == 0)
			return NULL;
	return "a rate reads '500 Mbit/s' or '2.5 Gbit/s'";
}

static const char *judge_folder(const char *answer)
{
	bool is_good = answer[0] == '/' && answer[1] != 0 && strstr(answer, "..") == NULL;
	for (const char *p = answer; *p != 0; p++)
		is_good = is_good && *p > ' ' && *p < 127 && strchr(";#[]\"'\\%$:", *p) == NULL;
	return is_good && answer[strlen(answer) - 1] != '/' ? NULL : "a folder reads /srv/weir: an absolute path of plain characters";
}

const struct question boxfiles_questions[BOXFILES_ANSWERS_END] = {
	{"sender_name", "Name of the sending box, as the registry will have it", "inside-1", judge_name},
	{"receiver_name", "Name of the receiving box, as the registry will have it", "outside-1", judge_name},
	{"sender_nic", "Network interface of the link", NULL, judge_nic},
	{"receiver_nic", "Network interface of the link", NULL, judge_nic},
	{"sender_address", "Address of the sending box on the link", SENDER_ADDRESS, judge_address},
	{"receiver_address", "Address of the receiving box on the link", RECEIVER_ADDRESS, judge_address},
	{"mtu", "Largest packet that the link takes, in bytes, the same on both boxes", "1500", judge_mtu},
	{"rate", "How fast the sending box sends; half of what the receiver's disks can write to begin with", "500 Mbit/s",
	 judge_rate},
	{"sender_folder", "Where sealed bundles and the ledger are kept", SENDER_FOLDER, judge_folder},
	{"receiver_folder", "Where sealed bundles and the ledger are kept", RECEIVER_FOLDER, judge_folder},
};

bool boxfiles_asks(enum config_side side, enum boxfiles_answer answer)
{
	switch (answer) {
	case BOXFILES_SENDER_NAME:
	case BOXFILES_SENDER_NIC:
	case BOXFILES_SENDER_FOLDER:
		return side == CONFIG_SENDER;
	case BOXFILES_RECEIVER_NAME:
	case BOXFILES_RECEIVER_NIC:
	case BOXFILES_RECEIVER_FOLDER:
		return side == CONFIG_RECEIVER;
	default:
		return true;
	}
}

unsigned int boxfiles_prefix(const char *one, const char *other)
{
	struct in_addr a, b;
	if (inet_pton(AF_INET, one, &a) != 1 || inet_pton(AF_INET, other, &b) != 1 || a.s_addr == b.s_addr)
		return 0;
	for (unsigned int prefix = PREFIX_MAX; prefix >= PREFIX_MIN; prefix--) {
		uint32_t hosts = UINT32_MAX >> prefix, x = ntohl(a.s_addr), y = ntohl(b.s_addr);
		bool are_hosts = (x & hosts) != 0 && (x & hosts) != hosts && (y & hosts) != 0 && (y & hosts) != hosts;
		if ((x & ~hosts) == (y & ~hosts) && are_hosts)
			return prefix;
	}
	return 0;
}

/* ---- the files ---- */

__attribute__((format(printf, 4, 5)))
static void set(struct template *template, const char *section, const char *key, const char *format, ...)
{
	char line[LINE_BYTES];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	template_set(template, section, key, line);
}

/* Takes the text over. */
static int add(struct siteplan *plan, const char *path, struct template *template)
{
	int result = siteplan_add(plan, path, FILE_MODE, template->text);
	template->text = NULL;
	return result;
}

static int add_answers(struct siteplan *plan, enum config_side side, const struct answer *answers)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	if (out == NULL)
		return -ENOMEM;
	fputs("; What 'setup' was told.  Both boxes of a pair can be set up from one such file.\n[answers]\n", out);
	for (enum boxfiles_answer i = 0; i < BOXFILES_ANSWERS_END; i++)
		if (boxfiles_asks(side, i) || answers[i].text[0] != 0)
			fprintf(out, "%s = %s\n", boxfiles_questions[i].key, answers[i].text);
	if (fclose(out) != 0) {
		free(text);
		return -ENOMEM;
	}
	return siteplan_add(plan, BOXFILES_ANSWERS, FILE_MODE, text);
}

static int add_conf(struct siteplan *plan, enum config_side side, const char *shipped, const struct answer *answers)
{
	struct template conf;
	bool sends = side == CONFIG_SENDER;
	template_start(&conf, shipped);
	set(&conf, "link", "mtu", "mtu = %s", answers[BOXFILES_MTU].text);
	set(&conf, "link", "rate", "rate = %s", answers[BOXFILES_RATE].text);
	set(&conf, "link", "interface", "interface = " BOXFILES_NIC);
	if (sends) {
		set(&conf, "paths", "spool", "spool = %s/spool", answers[BOXFILES_SENDER_FOLDER].text);
		set(&conf, "link", "address", "address = %s", answers[BOXFILES_RECEIVER_ADDRESS].text);
		set(&conf, "link", "source", "source = %s", answers[BOXFILES_SENDER_ADDRESS].text);
	} else {
		set(&conf, "paths", "vault", "vault = %s/vault", answers[BOXFILES_RECEIVER_FOLDER].text);
		set(&conf, "link", "ride_out_stall_ms", "ride_out_stall_ms = 2000");
	}
	return add(plan, sends ? "/etc/weir/sender.conf" : "/etc/weir/receiver.conf", &conf);
}

/* A NIC that has no address printed on it is known by its name. */
static int add_link(struct siteplan *plan, const char *shipped, const struct answer *answers, const struct niclist_nic *nic)
{
	struct template link;
	template_start(&link, shipped);
	if (nic->permanent[0] != 0)
		set(&link, "Match", "PermanentMACAddress", "PermanentMACAddress=%s", nic->permanent);
	else
		set(&link, "Match", "PermanentMACAddress", "OriginalName=%s", nic->name);
	if (strcmp(answers[BOXFILES_MTU].text, "1500") != 0)
		set(&link, "Link", "MTUBytes", "MTUBytes=%s", answers[BOXFILES_MTU].text);
	return add(plan, "/etc/systemd/network/10-weir.link", &link);
}

static bool is_there(const struct siteplan *plan, const char *path)
{
	char full[PATH_MAX];
	int len = snprintf(full, sizeof(full), "%s%s", plan->root, path);
	return len > 0 && (size_t)len < sizeof(full) && access(full, F_OK) == 0;
}

/* For other addresses than the shipped file's, which lies below /usr; one that is there from an earlier answer changes. */
static int add_network(struct siteplan *plan, enum config_side side, const char *shipped, const struct answer *answers)
{
	const char *sender = answers[BOXFILES_SENDER_ADDRESS].text, *receiver = answers[BOXFILES_RECEIVER_ADDRESS].text;
	const char *path = side == CONFIG_SENDER ? "/etc/systemd/network/60-weir-sender.network"
						 : "/etc/systemd/network/60-weir-receiver.network";
	struct template network;
	unsigned int prefix = boxfiles_prefix(sender, receiver);
	if (prefix == 0)
		return -EINVAL;
	if (strcmp(sender, SENDER_ADDRESS) == 0 && strcmp(receiver, RECEIVER_ADDRESS) == 0 && !is_there(plan, path))
		return 0;
	template_start(&network, shipped);
	set(&network, "Network", "Address", "Address=%s/%u", side == CONFIG_SENDER ? sender : receiver, prefix);
	if (side == CONFIG_SENDER)
		set(&network, "Neighbor", "Address", "Address=%s", receiver);
	return add(plan, path, &network);
}

/* Where the units may write besides their own folder below /var/lib. */
static int add_folder(struct siteplan *plan, enum config_side side, const struct answer *answers)
{
	static const char *const units[] = {"weir-hold", "weir-ledger-send", "weir-keep"};
	bool sends = side == CONFIG_SENDER;
	const char *folder = answers[sends ? BOXFILES_SENDER_FOLDER : BOXFILES_RECEIVER_FOLDER].text;
	int result = 0;
	for (size_t i = sends ? 0 : 2; result == 0 && i < (sends ? 2 : 3); i++) {
		char path[LINE_BYTES], *text = NULL;
		snprintf(path, sizeof(path), "/etc/systemd/system/%s.service.d/50-weir-setup.conf", units[i]);
		if (strcmp(folder, sends ? SENDER_FOLDER : RECEIVER_FOLDER) == 0 && !is_there(plan, path))
			continue;
		if (asprintf(&text, "; Made by 'setup': spool or vault is not in its place below /var/lib.\n[Service]\n"
				    "ReadWritePaths=%s\n", folder) < 0)
			text = NULL;
		result = siteplan_add(plan, path, FILE_MODE, text);
	}
	return result;
}

int boxfiles_plan(struct siteplan *plan, enum config_side side, const struct boxsetup_shipped *shipped,
		  const struct answer *answers, const struct niclist_nic *nic)
{
	int result = add_answers(plan, side, answers);
	if (result == 0)
		result = add_conf(plan, side, shipped->conf, answers);
	if (result == 0)
		result = add_link(plan, shipped->link, answers, nic);
	if (result == 0)
		result = add_network(plan, side, shipped->network, answers);
	return result != 0 ? result : add_folder(plan, side, answers);
}
