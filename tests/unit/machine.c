/* Small files of the kernel. */
#include "common/machine.h"

#include "tests/lib/checks.h"

static void gather(void *context, const char *name)
{
	char *text = context;
	size_t at = strlen(text);
	snprintf(text + at, 64 - at, "%s ", name);
}

int main(void)
{
	char text[8], path[MACHINE_PATH_BYTES], names[64] = "";
	uint64_t number = 7;
	box_put("/sys/a/one", "some text\n");
	box_put("/sys/a/two", "42\n");
	box_put("/sys/a/cpu10", "");
	box_put("/sys/a/cpu9", "");
	box_put("/sys/a/.hidden", "");
	is_number(machine_read(text, sizeof(text), test_dir(), "/sys/%s/two", "a"), 2, "a file is read without its line feed");
	is_text(text, "42", "and it is that text");
	is_number(machine_read(text, sizeof(text), test_dir(), "/sys/a/one"), 7, "a long one is cut off");
	is_text(text, "some te", "at the size that there is");
	is_number(machine_read(text, sizeof(text), test_dir(), "/sys/a/none"), -ENOENT, "one that is not there is none");
	is_text(text, "", "and gives no text");
	is_number(machine_number(&number, test_dir(), "/sys/a/one"), -EBADMSG, "a text is no number");
	is_number(machine_number(&number, test_dir(), "/sys/a/none"), -ENOENT, "nor is what is not there");
	is_number((int64_t)number, 7, "and changes nothing");
	is_number(machine_number(&number, test_dir(), "/sys/a/two"), 0, "a number is one");
	is_number((int64_t)number, 42, "and it is that one");
	is_number(machine_each(test_dir(), "/sys/a", gather, names), 0, "a directory is listed");
	is_text(names, "cpu9 cpu10 one two ", "by number and letter, without what is hidden");
	is_number(machine_each(test_dir(), "/sys/b", gather, names), -ENOENT, "one that is not there is none");
	is_text(machine_setting(path, "net.ipv4.conf.eth0/5.rp_filter"), "/proc/sys/net/ipv4/conf/eth0.5/rp_filter",
		"a setting has its path");
	return done_testing();
}
