#include "common/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/io.h"
#include "tests/lib/tap.h"

static void put(const char *name, const char *text)
{
	char path[600];
	snprintf(path, sizeof(path), "%s/%s", test_path("passed"), name);
	if (io_create_path(path, text, strlen(text), 0400) != 0)
		note("cannot write %s", path);
}

static void test_path_alone(void)
{
	char path[600] = "/etc/weir/keys/box.key", found[600], small[8] = "/b";
	unsetenv("CREDENTIALS_DIRECTORY");
	is_number(credential_prefer(path, sizeof(path), "box.key"), 0, "outside systemd there are none");
	is_text(path, "/etc/weir/keys/box.key", "and the path stays");
	setenv("CREDENTIALS_DIRECTORY", "", 1);
	is_number(credential_prefer(path, sizeof(path), "passwd"), 0, "an empty name is no directory");
	is_text(path, "/etc/weir/keys/box.key", "so the path stays");
	setenv("CREDENTIALS_DIRECTORY", test_path("passed"), 1);
	is_number(credential_prefer(path, sizeof(path), "link.key"), 0, "one that is not there is no failure");
	is_text(path, "/etc/weir/keys/box.key", "and the path stays then, too");
	is_number(credential_prefer(path, sizeof(path), "box.key"), 0, "one that is there");
	snprintf(found, sizeof(found), "%s/box.key", test_path("passed"));
	is_text(path, found, "takes the place of the path");
	is_number(credential_prefer(small, sizeof(small), "box.key"), -ENAMETOOLONG, "one without room is refused");
	is_text(small, "/b", "and the path is as before");
}

/* Each side's configuration names files that are not there. */
static void test_config(void)
{
	static const char text[] = "[paths]\nregistry = r\nroots = o\nvault = v\n[keys]\nbox = b\nlink = l\n"
				   "[link]\nabsent = all\n";
	char problem[PROBLEM_BYTES], box[600], link[600];
	struct config c;
	snprintf(box, sizeof(box), "%s/box.key", test_path("passed"));
	snprintf(link, sizeof(link), "%s/l", test_dir());
	io_create_path(test_path("receiver.conf"), text, strlen(text), 0600);
	is_number(config_load(&c, CONFIG_RECEIVER, test_path("receiver.conf"), problem), 0, "a configuration is loaded");
	is_text(c.box_key, box, "the credential box.key is the box's key");
	is_text(c.link_key, link, "without one the file counts");
	put("link.key", "secret");
	snprintf(link, sizeof(link), "%s/link.key", test_path("passed"));
	is_number(config_load(&c, CONFIG_RECEIVER, test_path("receiver.conf"), problem), 0, "loaded again");
	is_text(c.link_key, link, "the credential link.key is the link's");
}

int main(void)
{
	io_make_dir(AT_FDCWD, test_path("passed"), 0700);
	put("box.key", "secret");
	test_path_alone();
	test_config();
	return done_testing();
}
