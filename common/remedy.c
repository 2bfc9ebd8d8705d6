#include "remedy.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "ethtool.h"
#include "io.h"
#include "machine.h"
#include "text.h"

enum { FILE_BYTES_MAX = 65536, FILE_MODE = 0644 };

static const char heading[] = "# Settings of the kernel that 'check --fix' of Weir has set; see weir-check(7).\n";

/* A setting of the kernel takes a value in one write. */
static int apply_setting(const struct remedy *remedy, const char *root)
{
	char setting[MACHINE_PATH_BYTES], path[2 * MACHINE_PATH_BYTES];
	snprintf(path, sizeof(path), "%s%s", root, machine_setting(setting, remedy->name));
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_TRUNC);
	if (fd < 0)
		return -errno;
	int result = io_write(fd, remedy->value, strlen(remedy->value));
	int closed = io_close(fd);
	return result != 0 ? result : closed;
}

struct governing {
	const struct remedy *remedy;
	const char *root;
	int result;
};

static void set_governor(void *context, const char *core)
{
	struct governing *g = context;
	char path[MACHINE_PATH_BYTES];
	if (strncmp(core, "cpu", 3) != 0)
		return;
	snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/%s/cpufreq/scaling_governor", g->root, core);
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_TRUNC);
	int result = fd < 0 ? -errno : io_write(fd, g->remedy->value, strlen(g->remedy->value));
	io_close(fd);
	/* a core that is off, or a folder that is of no core, has none */
	if (result != 0 && result != -ENOENT && result != -EBUSY)
		g->result = result;
}

static int apply_governor(const struct remedy *remedy, const char *root)
{
	struct governing g = {remedy, root, 0};
	int result = machine_each(root, "/sys/devices/system/cpu", set_governor, &g);
	return result != 0 ? result : g.result;
}

static int set_mtu(int fd, const char *name, uint32_t mtu)
{
	struct ifreq request = {.ifr_mtu = (int)mtu};
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%.*s", IFNAMSIZ - 1, name);
	return ioctl(fd, SIOCSIFMTU, &request) < 0 ? -errno : 0;
}

static int apply_nic(const struct remedy *remedy)
{
	uint64_t value = 0;
	if (remedy->kind != REMEDY_PAUSE && text_parse_u64(&value, remedy->value, INT32_MAX) != 0)
		return -EINVAL;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int result = remedy->kind == REMEDY_PAUSE ? ethtool_stop_pause(fd, remedy->name)
		     : remedy->kind == REMEDY_MTU ? set_mtu(fd, remedy->name, (uint32_t)value)
		     : remedy->kind == REMEDY_RX_RING ? ethtool_set_rings(fd, remedy->name, (uint32_t)value, 0)
						      : ethtool_set_rings(fd, remedy->name, 0, (uint32_t)value);
	io_close(fd);
	return result;
}

int remedy_apply(const struct remedy *remedy, const char *root)
{
	switch (remedy->kind) {
	case REMEDY_SETTING:
		return apply_setting(remedy, root);
	case REMEDY_RX_RING:
	case REMEDY_TX_RING:
	case REMEDY_PAUSE:
	case REMEDY_MTU:
		return apply_nic(remedy);
	case REMEDY_GOVERNOR:
		return apply_governor(remedy, root);
	case REMEDY_NONE:
		break;
	}
	return -EINVAL;
}

const char *remedy_lasts(enum remedy_kind kind)
{
	return kind == REMEDY_SETTING ? "now, and at each start by " REMEDY_FILE
	       : kind == REMEDY_GOVERNOR ? "until the box starts again; cpufreq.default_governor=performance on the command line of the "
					   "kernel sets it at each start"
				      : "until the box starts again; its .link file in /etc/systemd/network sets it at each start";
}

/* ---- for each start ---- */

static const struct remedy *setting_at(const struct report *report, size_t *finding, size_t *which)
{
	const struct finding *f;
	for (; (f = report_at(report, *finding)) != NULL; (*finding)++, *which = 0)
		while (*which < REMEDIES_MAX) {
			const struct remedy *r = &f->remedies[(*which)++];
			if (r->kind == REMEDY_SETTING)
				return r;
		}
	return NULL;
}

/* Whether a line of the file, "name = value", is of a setting of the report. */
static bool is_replaced(const struct report *report, const char *line)
{
	const struct remedy *r;
	size_t len = strcspn(line, " =\n");
	for (size_t finding = 0, which = 0; (r = setting_at(report, &finding, &which)) != NULL;)
		if (strlen(r->name) == len && memcmp(r->name, line, len) == 0)
			return true;
	return false;
}

/* What was there, but our heading and what is set anew. */
static void copy_others(FILE *out, const struct report *report, const char *text)
{
	for (const char *line = text; *line != 0;) {
		int len = (int)strcspn(line, "\n");
		if (len > 0 && line[0] != '#' && !is_replaced(report, line))
			fprintf(out, "%.*s\n", len, line);
		line += len;
		line += *line == '\n';
	}
}

static int write_file(const char *folder, const char *name, const struct report *report)
{
	uint8_t *before = NULL;
	char *text = NULL;
	size_t before_len = 0, len = 0;
	const struct remedy *r;
	int dir_fd = io_open_dir(AT_FDCWD, folder);
	if (dir_fd < 0)
		return dir_fd;
	int result = io_read_file(dir_fd, name, FILE_BYTES_MAX, &before, &before_len);
	FILE *out = result == 0 || result == -ENOENT ? open_memstream(&text, &len) : NULL;
	if (out != NULL) {
		fputs(heading, out);
		copy_others(out, report, before == NULL ? "" : (const char *)before);
		for (size_t finding = 0, which = 0; (r = setting_at(report, &finding, &which)) != NULL;)
			fprintf(out, "%s = %s\n", r->name, r->value);
		result = fclose(out) != 0 ? -ENOMEM : io_write_file(dir_fd, name, text, len, FILE_MODE);
	} else if (result == 0 || result == -ENOENT) {
		result = -ENOMEM;
	}
	free(text);
	free(before);
	io_close(dir_fd);
	return result > 0 ? -EINVAL : result;
}

int remedy_keep(const struct report *report, const char *root)
{
	char folder[MACHINE_PATH_BYTES];
	const char *name = strrchr(REMEDY_FILE, '/') + 1;
	size_t finding = 0, which = 0;
	if (setting_at(report, &finding, &which) == NULL)
		return 0;
	snprintf(folder, sizeof(folder), "%s%.*s", root, (int)(name - 1 - REMEDY_FILE), REMEDY_FILE);
	return write_file(folder, name, report);
}
