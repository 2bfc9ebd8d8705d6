/* The process of the link. */
#include "tests/lib/checks.h"

static struct config config = {.side = CONFIG_RECEIVER};

/* The fields of /proc/PID/stat from the third on: nice is the 19th, the policy the 41st. */
static void put_stat(int nice, int policy)
{
	char text[512];
	snprintf(text, sizeof(text), "77 (weir) catch) S 1 77 77 0 -1 4194304 1 2 3 4 5 6 7 8 20 %d 1 0 9 10 11 12 13 14 15 16 17 18 19 "
		 "20 21 22 23 24 25 0 26 %d 27 28\n", nice, policy);
	box_put("/proc/77/stat", text);
}

static void test_running(void)
{
	finds(check_link_process, &config, "green link-daemon: processes of others cannot be seen from here", "where none is seen it is green");
	box_put("/proc/1/comm", "systemd\n");
	box_put("/proc/76/comm", "weir-keep\n");
	finds(check_link_process, &config, "red link-daemon: weir-catch does not run; type: systemctl start weir-receiver.target", "none is red");
	box_put("/proc/77/comm", "weir-catch\n");
	finds(check_link_process, &config, "green link-daemon: weir-catch runs as process 77", "one is green");
}

static void test_priority(void)
{
	finds(check_link_process, &config, "green priority: this machine does not tell that of weir-catch", "a priority that is not told is green");
	put_stat(0, 0);
	finds(check_link_process, &config, "amber priority: weir-catch has its turn with all others, nice 0; type: start it by its unit, "
	      "weir-catch.service, which asks for it; now: renice -n -10 -p 77", "that of everybody is amber");
	put_stat(-10, 0);
	finds(check_link_process, &config, "green priority: weir-catch has its turn with all others, nice -10", "a nice one is green");
	put_stat(0, 1);
	finds(check_link_process, &config, "green priority: weir-catch is before all that is not real-time", "and real time");
	config.side = CONFIG_SENDER;
	box_put("/proc/77/comm", "weir-emit\n");
	put_stat(-10, 0);
	finds(check_link_process, &config, "amber priority: weir-emit has its turn with all others, nice -10; type: start it by its unit, "
	      "weir-emit.service, which asks for it; now: chrt -f -p 10 77", "a sender has to be before all others");
	put_stat(0, 2);
	finds(check_link_process, &config, "green priority: weir-emit is before all", "by either policy");
}

static void test_locked(void)
{
	finds(check_link_process, &config, "green locked-memory: this machine does not tell", "what is not told is green");
	box_put("/proc/77/status", "Name:\tweir-emit\nVmPeak:\t   100 kB\nVmLck:\t       0 kB\n");
	finds(check_link_process, &config, "amber locked-memory: 0 kB of weir-emit are locked in memory", "a sender that may not lock is amber");
	box_put("/proc/77/status", "Name:\tweir-emit\nVmPeak:\t   100 kB\nVmLck:\t    4096 kB\n");
	finds(check_link_process, &config, "green locked-memory: 4096 kB of weir-emit are locked in memory", "one that did is green");
	config.side = CONFIG_RECEIVER;
	is_text(found(check_link_process, &config, "locked-memory"), "", "a receiver does not lock");
}

static void put_command(const char *pid, const char *config_path)
{
	char path[64], command[512];
	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	box_put(path, "");
	FILE *file = fopen(test_path(path + 1), "we");
	int len = snprintf(command, sizeof(command), "weir-keep%c--config%c%s%c", 0, 0, config_path, 0);
	ok(file != NULL && fwrite(command, 1, (size_t)len, file) == (size_t)len && fclose(file) == 0, "a command line is written");
}

/* Two boxes of one machine are told apart by their configurations. */
static void test_other(void)
{
	struct check check = {.config = &config, .root = test_dir()};
	char one[4200], two[4200];
	snprintf(one, sizeof(one), "%s/one.conf", test_dir());
	snprintf(two, sizeof(two), "%s/two.conf", test_dir());
	box_put("/one.conf", "");
	box_put("/two.conf", "");
	check.config_path = one;
	is_number(check_find_process(&check, "weir-keep"), 0, "one that has no configuration is none of ours");
	put_command("76", two);
	is_number(check_find_process(&check, "weir-keep"), 0, "nor is one of another configuration");
	box_put("/proc/80/comm", "weir-keep\n");
	put_command("80", "one.conf");
	is_number(symlink(test_dir(), test_path("proc/80/cwd")), 0, "one has begun in the folder of its configuration");
	is_number(check_find_process(&check, "weir-keep"), 80, "and is that configuration's");
	check.config_path = two;
	is_number(check_find_process(&check, "weir-keep"), 76, "the other one is the other's");
	check.config_path = NULL;
	is_number(check_find_process(&check, "weir-none"), 0, "one that does not run is none");
}

int main(void)
{
	test_running();
	test_priority();
	test_locked();
	test_other();
	return done_testing();
}
