#include "common/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "common/layers.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

static const char sender_least[] = "[paths]\nregistry = /r\nroots = /o\nspool = /s\n"
				   "[keys]\nbox = /b\nlink = /l\npsks = /p\n"
				   "[link]\naddress = 192.0.2.2\nrate = 1 Gbit/s\ninterface = weir0\n";
static const char receiver_least[] = "[paths]\nregistry = /r\nroots = /o\nvault = /v\n"
				     "[keys]\nbox = /b\nlink = /l\n[link]\ninterface = weir0\n";
/* The same without what only a watched link needs. */
static const char sender_bare[] = "[paths]\nregistry = /r\nroots = /o\nspool = /s\n"
				  "[keys]\nbox = /b\nlink = /l\npsks = /p\n"
				  "[link]\naddress = 192.0.2.2\nrate = 1 Gbit/s\n";
static const char receiver_bare[] = "[paths]\nregistry = /r\nroots = /o\nvault = /v\n"
				    "[keys]\nbox = /b\nlink = /l\n";

static int parse(struct config *config, enum config_side side, const char *head, const char *tail,
		 char problem[static PROBLEM_BYTES])
{
	char text[4096];
	snprintf(text, sizeof(text), "%s%s", head, tail);
	return config_parse(config, side, "/etc/weir/", (const uint8_t *)text, strlen(text),
			    problem);
}

static void test_defaults(void)
{
	struct config c;
	char problem[PROBLEM_BYTES];
	is_number(parse(&c, CONFIG_SENDER, sender_least, "", problem), 0,
		  "a sender needs its paths, its keys, an address and a rate");
	is_text(c.runtime, "/run/weir-sender", "the runtime directory has a default");
	char witness[2 * CONFIG_PATH_BYTES];
	snprintf(witness, sizeof(witness), "%s.witness", c.spool);
	is_text(c.witness, witness, "the witness lies beside the spool");
	is_text(c.source, "", "the source address is any");
	is_number(c.port, CONFIG_PORT, "the port has a default");
	is_number(c.mtu, 1500, "the MTU is Ethernet's");
	is_number((int64_t)c.rate_bits_per_s, 1000000000, "the rate is the one given");
	is_number(c.repair_permille, 125, "an eighth is repair");
	ok(c.disk_full_percent == 90 && c.seal_threads == 0 && c.retention_days == 5 &&
		   c.pass_repeat == 1,
	   "the limits have their defaults");
	ok(!c.has_scan && strcmp(c.scan_socket, "/run/clamav/clamd.ctl") == 0 &&
		   strcmp(c.scan_temporary, "/tmp") == 0 && c.scan_timeout_s == 60 &&
		   c.scan_max_bytes == 25 << 20,
	   "clamd is looked for where Debian has it");
	is_number(parse(&c, CONFIG_RECEIVER, receiver_least, "", problem), 0,
		  "a receiver needs its paths and keys");
	is_text(c.runtime, "/run/weir-receiver", "its runtime directory has a default, too");
	is_number(c.unfinished_days, 30, "what is unfinished is kept for a month");
	is_text(c.address, "0.0.0.0", "it listens everywhere");
	ok(c.ring_bytes == UINT64_C(256) << 20 && c.socket_buffer_bytes == UINT64_C(256) << 20,
	   "its buffers have their defaults");
}

static void test_values(void)
{
	struct config c;
	char problem[PROBLEM_BYTES];
	is_number(
		parse(&c, CONFIG_SENDER,
		      "[paths]\nregistry = registry\nroots = ../roots\nspool = /s\nruntime = /run/x\nwitness = seen\n"
		      "[keys]\nbox = keys/box\nlink = /l\npsks = psks\n"
		      "[link]\naddress = 192.0.2.2\nsource = 192.0.2.1\nport = 9\nmtu = 9000\n"
		      "interface = weir0\nrate = 2.5 Gbit/s ; measured\nrepair_percent = 7.5\n"
		      "[limits]\ndisk_full_percent = 80\nseal_threads = 3\nretention_days = 30\n"
		      "passes = 2\n"
		      "[scan]\nsocket = /c\ntemporary = tmp\ntimeout_s = 7\nmax_mib = 100\n",
		      "", problem),
		0, "every key of a sender is read");
	is_text(c.registry, "/etc/weir/registry", "a relative path begins at the file's folder");
	is_text(c.roots, "/etc/weir/../roots", "also upwards");
	is_text(c.spool, "/s", "an absolute one stays");
	is_text(c.box_key, "/etc/weir/keys/box", "keys are paths, too");
	is_text(c.link_key, "/l", "the link key");
	is_text(c.psk_dir, "/etc/weir/psks", "and the folder of pre-shared keys");
	ok(strcmp(c.address, "192.0.2.2") == 0 && strcmp(c.source, "192.0.2.1") == 0 &&
		   c.port == 9 && c.mtu == 9000,
	   "the link is read");
	is_number((int64_t)c.rate_bits_per_s, 2500000000, "a rate may have decimal places");
	is_number(c.repair_permille, 75, "and so may a percentage");
	ok(c.disk_full_percent == 80 && c.seal_threads == 3 && c.retention_days == 30 &&
		   c.pass_repeat == 2,
	   "the limits are read");
	ok(c.has_scan && strcmp(c.scan_socket, "/c") == 0 &&
		   strcmp(c.scan_temporary, "/etc/weir/tmp") == 0 && c.scan_timeout_s == 7 &&
		   c.scan_max_bytes == 100 << 20,
	   "virus scanning is read");
	is_number(parse(&c, CONFIG_SENDER, sender_least, "[scan]\n", problem), 0,
		  "a section without keys has their defaults");
	ok(c.has_scan && c.scan_max_bytes == 25 << 20, "and is known to be there");
	is_number(parse(&c, CONFIG_RECEIVER, receiver_least,
			"[link]\nring_mib = 64\nsocket_buffer_mib = 32\n", problem),
		  0, "a receiver's buffers are read");
	ok(c.ring_bytes == 64 << 20 && c.socket_buffer_bytes == 32 << 20, "in MiB");
	is_number(parse(&c, CONFIG_RECEIVER, receiver_least,
			"[link]\nrate = 5 Gbit/s\nride_out_stall_ms = 200\n", problem),
		  0, "a ring may be stated as a stall to ride out");
	ok(c.ride_out_stall_ms == 200 && c.ring_bytes == 16 << 20,
	   "and is then not smaller than the smallest");
	is_number(parse(&c, CONFIG_RECEIVER, receiver_least, "[link]\nrate = 5 Gbit/s\n", problem), 0,
		  "a rate alone is fine");
	is_number(c.ride_out_stall_ms, 2000, "then the ring is sized for two seconds");
	is_number(parse(&c, CONFIG_RECEIVER, receiver_least, "[link]\nrate = 5 Gbit/s\nring_mib = 64\n",
			problem),
		  0, "so is a rate beside the size of a ring");
	ok(c.ride_out_stall_ms == 0 && c.ring_bytes == 64 << 20, "which then is what it says");
	is_number(parse(&c, CONFIG_RECEIVER, receiver_least, "", problem), 0, "neither is needed");
	ok(c.ride_out_stall_ms == 0 && c.ring_bytes == 256 << 20, "the ring has 256 MiB then");
}

static void test_layers(void)
{
	static const struct {
		enum config_side side;
		const char *line, *problem;
	} refused[] = {
		{CONFIG_RECEIVER, "interface = ../x", "an interface is named as 'ip link' shows it, of at most 15 characters"},
		{CONFIG_RECEIVER, "interface = sixteen-letters-",
		 "an interface is named as 'ip link' shows it, of at most 15 characters"},
		{CONFIG_SENDER, "absent = arp", "missing: 'interface' in [link]"},
		{CONFIG_SENDER, "absent = apr", "there is no layer 'apr' that may be absent; weir-link(8) names them"},
		{CONFIG_SENDER, "absent = arp,xdp",
		 "there is no layer 'arp,xdp' that may be absent; weir-link(8) names them"},
		{CONFIG_SENDER, "absent = all xdp", "there is no layer 'all' that may be absent; weir-link(8) names them"},
		{CONFIG_SENDER, "absent = nic", "there is no layer 'nic' that may be absent; weir-link(8) names them"},
		{CONFIG_SENDER, "absent = role", "there is no layer 'role' that may be absent; weir-link(8) names them"},
		{CONFIG_SENDER, "absent = xdp lldp xdp", "layer 'xdp' stands twice"},
		{CONFIG_RECEIVER, "absent = xdp", "'xdp' is no layer of a receiver"},
		{CONFIG_RECEIVER, "absent = lldp route", "'route' is no layer of a receiver"},
	};
	struct config c;
	char problem[PROBLEM_BYTES], tail[128], names[LAYER_NAMES_BYTES];
	const char *bare[] = {[CONFIG_SENDER] = sender_bare, [CONFIG_RECEIVER] = receiver_bare};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		snprintf(tail, sizeof(tail), "[link]\n%s\n", refused[i].line);
		is_number(parse(&c, refused[i].side, bare[refused[i].side], tail, problem), VERDICT_BAD_CONFIGURATION,
			  "'%s' is refused", refused[i].line);
		is_text(strchr(problem, ' ') + 1, refused[i].problem, "and this is said");
	}
	for (int side = CONFIG_SENDER; side <= CONFIG_RECEIVER; side++) {
		is_number(parse(&c, (enum config_side)side, bare[side], "[link]\ninterface = enp1s0f0.4\n", problem), 0,
			  "the link NIC is named");
		is_text(c.interface, "enp1s0f0.4", "and read");
		ok(c.absent == 0 && !c.is_unwatched, "no layer is absent by itself");
		is_text(layers_absent(names, &c), "", "nor named");
		is_number(parse(&c, (enum config_side)side, bare[side], "[link]\nabsent = all\n", problem), 0,
			  "without any layer no NIC need be named");
		ok(c.is_unwatched && layer_is_absent(LAYER_NFT, &c), "then every layer is absent");
		is_text(layers_absent(names, &c), "all", "and is named so");
	}
	is_number(parse(&c, CONFIG_SENDER, sender_least, "[link]\nabsent = xdp \t lldp\n", problem), 0,
		  "layers are named with blanks between");
	ok(layer_is_absent(LAYER_XDP, &c) && layer_is_absent(LAYER_LLDP, &c) && !layer_is_absent(LAYER_NFT, &c) &&
		   !c.is_unwatched,
	   "these are absent, and no others");
	is_text(layers_absent(names, &c), "lldp xdp", "and named in their order");
	strcpy(tail, "[link]\nabsent =");
	for (int i = LAYER_ARP; i < LAYER_COUNT; i++)
		strcat(strcat(tail, " "), layer_name((enum layer)i));
	is_number(parse(&c, CONFIG_SENDER, sender_least, strcat(tail, "\n"), problem), 0, "all of them may be named");
	ok(strlen(layers_absent(names, &c)) == strlen(tail) - strlen("[link]\nabsent = \n") && !c.is_unwatched,
	   "and have room");
}

/* The one program that both boxes have is told by the file which one it is on. */
static void test_sides(void)
{
	static const char *const texts[] = {[CONFIG_SENDER] = sender_least, [CONFIG_RECEIVER] = receiver_least};
	struct config c;
	char problem[PROBLEM_BYTES];
	int dir = io_open_dir(AT_FDCWD, test_dir());
	for (int side = CONFIG_SENDER; side <= CONFIG_RECEIVER; side++) {
		io_write_file(dir, "any.conf", texts[side], strlen(texts[side]), 0644);
		is_number(config_load_any(&c, test_path("any.conf"), problem), 0, "the file of either side is loaded");
		is_number(c.side, side, "as that of its side");
	}
	io_write_file(dir, "any.conf", "[link]\n", 7, 0644);
	is_number(config_load_any(&c, test_path("any.conf"), problem), VERDICT_BAD_CONFIGURATION,
		  "one that is of neither is refused");
	ok(strstr(problem, "'spool' in [paths]") != NULL, "for what it lacks");
	io_close(dir);
}

static void test_rates(void)
{
	static const struct {
		const char *text;
		int64_t rate; /* 0: refused */
	} cases[] = {
		{"1 Gbit/s", 1000000000}, {"500Mbit/s", 500000000}, {"0.5 Gbit/s", 500000000},
		{"1.001 Mbit/s", 1001000}, {"1000 kbit/s", 1000000}, {"100 Gbit/s", 100000000000},
		{"1000000000", 0}, {"1 Gb/s", 0}, {"1 GB/s", 0}, {"1 gbit/s", 0}, {"-1 Gbit/s", 0},
		{"Gbit/s", 0}, {". Gbit/s", 0}, {"1. Gbit/s", 0}, {"1.2345 Gbit/s", 0},
		{"1.2.3 Gbit/s", 0}, {"999 kbit/s", 0}, {"100.001 Gbit/s", 0}, {"1 Gbit/s x", 0},
		{"99999999999999999999 Gbit/s", 0}, {"0 Gbit/s", 0}, {"1e3 Mbit/s", 0},
	};
	struct config c;
	char problem[PROBLEM_BYTES], tail[128];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(tail, sizeof(tail), "[link]\nrate = %s\n", cases[i].text);
		int result = parse(&c, CONFIG_RECEIVER, receiver_least, tail, problem);
		is_number(result == 0 ? (int64_t)c.rate_bits_per_s : 0, cases[i].rate,
			  "rate '%s' is %s", cases[i].text,
			  cases[i].rate != 0 ? "read" : "refused");
	}
}

static void test_refusals(void)
{
	static const struct {
		enum config_side side;
		const char *tail, *problem;
	} cases[] = {
		{CONFIG_SENDER, "[x]\n", "13: section 'x' is not known here"},
		{CONFIG_SENDER, "[link]\nspeed = 1\n", "14: key 'speed' is not known in [link]"},
		{CONFIG_SENDER, "[paths]\nbox = /x\n", "14: key 'box' is not known in [paths]"},
		{CONFIG_SENDER, "[paths]\nvault = /v\n", "14: 'vault' belongs into receiver.conf"},
		{CONFIG_RECEIVER, "[paths]\nspool = /v\n", "11: 'spool' belongs into sender.conf"},
		{CONFIG_RECEIVER, "[link]\nsource = 192.0.2.1\n",
		 "11: 'source' belongs into sender.conf"},
		{CONFIG_SENDER, "[paths]\nspool = /t\n", "14: 'spool' stands twice"},
		{CONFIG_SENDER, "[link]\nport = 0\n",
		 "14: 'port' is a whole number from 1 to 65535"},
		{CONFIG_SENDER, "[link]\nport = 65536\n",
		 "14: 'port' is a whole number from 1 to 65535"},
		{CONFIG_SENDER, "[link]\nmtu = 1499\n", "14: 'mtu' is a whole number from 1500 to 9000"},
		{CONFIG_SENDER, "[link]\nmtu = 9001\n", "14: 'mtu' is a whole number from 1500 to 9000"},
		{CONFIG_SENDER, "[link]\nsource = localhost\n", "14: an address reads 192.0.2.1"},
		{CONFIG_SENDER, "[link]\nsource = 192.0.2.01\n", "14: an address reads 192.0.2.1"},
		{CONFIG_SENDER, "[link]\nrepair_percent = 100.1\n",
		 "14: 'repair_percent' is a number from 0 to 100 with at most one decimal place"},
		{CONFIG_SENDER, "[link]\nrepair_percent = 12.55\n",
		 "14: 'repair_percent' is a number from 0 to 100 with at most one decimal place"},
		{CONFIG_SENDER, "[link]\nrepair_percent = .5\n",
		 "14: 'repair_percent' is a number from 0 to 100 with at most one decimal place"},
		{CONFIG_SENDER, "[limits]\ndisk_full_percent = 100\n",
		 "14: 'disk_full_percent' is a whole number from 1 to 99"},
		{CONFIG_SENDER, "[limits]\nretention_days = 0\n",
		 "14: 'retention_days' is a whole number from 1 to 1825"},
		{CONFIG_SENDER, "[limits]\nunfinished_days = 3\n", "14: 'unfinished_days' belongs into receiver.conf"},
		{CONFIG_SENDER, "[limits]\npasses = 0\n",
		 "14: 'passes' is a whole number from 1 to 100"},
		{CONFIG_SENDER, "[limits]\nseal_threads = 257\n",
		 "14: 'seal_threads' is a whole number from 0 to 256"},
		{CONFIG_SENDER, "[scan]\nmax_mib = 1\n",
		 "14: 'max_mib' is a whole number from 2 to 1024"},
		{CONFIG_SENDER, "[scan]\nmax_mib = 1025\n",
		 "14: 'max_mib' is a whole number from 2 to 1024"},
		{CONFIG_SENDER, "[scan]\ntimeout_s = 0\n",
		 "14: 'timeout_s' is a whole number from 1 to 3600"},
		{CONFIG_RECEIVER, "[scan]\nsocket = /x\n", "11: 'socket' belongs into sender.conf"},
		{CONFIG_RECEIVER, "[link]\nring_mib = 15\n",
		 "11: 'ring_mib' is a whole number from 16 to 32768"},
		{CONFIG_RECEIVER, "[link]\nsocket_buffer_mib = 2048\n",
		 "11: 'socket_buffer_mib' is a whole number from 1 to 2047"},
		{CONFIG_RECEIVER, "[link]\nride_out_stall_ms = 100\n",
		 "11: 'ride_out_stall_ms' needs 'rate', the rate of the sender"},
		{CONFIG_RECEIVER,
		 "[link]\nrate = 1 Gbit/s\nride_out_stall_ms = 100\nring_mib = 64\n",
		 "13: 'ring_mib' and 'ride_out_stall_ms' say the same thing; keep one"},
		{CONFIG_RECEIVER, "[link]\nrate = 100 Gbit/s\nride_out_stall_ms = 60000\n",
		 "12: 'ride_out_stall_ms' at this rate takes more than 32 GiB of memory"},
	};
	struct config c;
	char problem[PROBLEM_BYTES];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *head = cases[i].side == CONFIG_SENDER ? sender_least : receiver_least;
		is_number(parse(&c, cases[i].side, head, cases[i].tail, problem),
			  VERDICT_BAD_CONFIGURATION, "a configuration is refused when %s",
			  cases[i].problem);
		is_text(problem, cases[i].problem, "and this is said");
	}
	is_number(parse(&c, CONFIG_SENDER, "", "[link]\nport = 5\n", problem),
		  VERDICT_BAD_CONFIGURATION, "a sender without anything is refused");
	is_text(problem,
		"2: missing: 'registry' in [paths], 'roots' in [paths], 'spool' in [paths], 'box' in "
		"[keys], 'link' in [keys], 'psks' in [keys], 'address' in [link], 'rate' in [link], 'interface' in [link]",
		"and all that is missing is named at once");
	is_number(parse(&c, CONFIG_RECEIVER, "", "", problem), VERDICT_BAD_CONFIGURATION,
		  "a receiver without anything is refused");
	is_text(problem,
		"1: missing: 'registry' in [paths], 'roots' in [paths], 'vault' in [paths], 'box' in "
		"[keys], 'link' in [keys], 'interface' in [link]",
		"and what it lacks is named");
}

static void test_long_path(void)
{
	struct config c;
	char problem[PROBLEM_BYTES], folder[CONFIG_PATH_BYTES + 1];
	memset(folder, 'a', sizeof(folder));
	folder[CONFIG_PATH_BYTES - 3] = '/';
	folder[CONFIG_PATH_BYTES - 2] = 0;
	static const char text[] = "[paths]\nspool = xx\n";
	is_number(config_parse(&c, CONFIG_SENDER, folder, (const uint8_t *)text, sizeof(text) - 1,
			       problem),
		  VERDICT_BAD_CONFIGURATION, "a path that does not fit is refused, not cut");
	is_text(problem, "2: the path is too long", "and named");
}

static void test_files(void)
{
	struct config c = {.port = 5};
	char problem[PROBLEM_BYTES], wanted[4200];
	const char *path = test_path("sender.conf");
	char text[1024];
	int dir = io_open_dir(AT_FDCWD, test_dir());
	snprintf(text, sizeof(text), "%s[paths]\nruntime = run\n", sender_least);
	io_write_file(dir, "sender.conf", text, strlen(text), 0644);
	io_close(dir);
	is_number(config_load(&c, CONFIG_SENDER, path, problem), 0, "a file is loaded");
	snprintf(wanted, sizeof(wanted), "%s/run", test_dir());
	is_text(c.runtime, wanted, "and its relative paths begin in its folder");
	c.port = 5;
	chmod(path, 0664);
	is_number(config_load(&c, CONFIG_SENDER, path, problem), VERDICT_LOOSE_PERMISSIONS,
		  "a file that the group can write is refused");
	chmod(path, 0646);
	is_number(config_load(&c, CONFIG_SENDER, path, problem), VERDICT_LOOSE_PERMISSIONS,
		  "so is one that anybody can write");
	is_number(config_load(&c, CONFIG_SENDER, test_path("none"), problem), -ENOENT,
		  "no file is told");
	is_number(config_load(&c, CONFIG_SENDER, test_dir(), problem), VERDICT_NOT_REGULAR,
		  "a folder is no file");
	is_text(problem, "", "and no line is to blame");
	is_number(c.port, 5, "a refusal leaves the output alone");
}

static char *read_text(const char *path)
{
	uint8_t *text = NULL;
	size_t len = 0;
	return io_read_file(AT_FDCWD, path, 65536, &text, &len) == 0 ? (char *)text : NULL;
}

static int parse_example(enum config_side side, const char *text,
			 char problem[static PROBLEM_BYTES])
{
	struct config c;
	return config_parse(&c, side, "/etc/weir/", (const uint8_t *)text, strlen(text), problem);
}

/*
 * A key at the start of a line, also one commented out ("; " begins prose); its length, with the
 * comment's sign taken off when it is there.
 */
static size_t key_at(char **line)
{
	char *start = *line + (**line == ';');
	size_t len = strspn(start, "abcdefghijklmnopqrstuvwxyz_");
	if (len == 0 || strncmp(start + len, " = ", 3) != 0)
		return 0;
	*line = start;
	return len;
}

/* The example says all that there is, the manual tells of it, and all of it together is good. */
static void test_example(enum config_side side, const char *path, const char *manual_path,
			 int key_count)
{
	char problem[PROBLEM_BYTES] = "", item[64], every[8192] = "";
	char *text = read_text(path), *manual = read_text(manual_path);
	int keys = 0;
	ok(text != NULL && manual != NULL, "%s and %s are there", path, manual_path);
	is_number(parse_example(side, text, problem), 0, "%s is good as it is", path);
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		size_t len = key_at(&line);
		if (strncmp(line, ";[", 2) == 0) /* a section that is there when something of it is wanted */
			line++;
		if (len > 0) {
			snprintf(item, sizeof(item), ".It Ic %.*s\n", (int)len, line);
			ok(strstr(manual, item) != NULL, "the manual tells of %.*s", (int)len,
			   line);
			keys++;
		}
		/* one of two ways to say the same */
		if (strncmp(line, "ring_mib", 8) == 0)
			continue;
		strcat(strcat(every, line), "\n");
	}
	is_number(keys, key_count, "%s holds every key there is", path);
	is_number(parse_example(side, every, problem), 0, "and is good with all of them");
	is_text(problem, "", "without a problem");
	free(text);
	free(manual);
}

int main(void)
{
	test_defaults();
	test_values();
	test_layers();
	test_sides();
	test_rates();
	test_refusals();
	test_long_path();
	test_files();
	test_example(CONFIG_SENDER, "systemd/sender.conf", "sender/weir-sender.conf.5", 24);
	test_example(CONFIG_RECEIVER, "systemd/receiver.conf", "receiver/weir-receiver.conf.5", 19);
	return done_testing();
}
