#include "lldp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "io.h"

enum {
	LINE_BYTES = 512,
	FILE_BYTES_MAX = 65536,
	PATH_BYTES = 512,
};
#define ETHERTYPE_LLDP_HEX "88cc"

/* ---- lines ---- */

int proc_each_line(const char *root, const char *path, proc_line *visit, void *context)
{
	char whole[PATH_BYTES], line[LINE_BYTES], chunk[4096];
	snprintf(whole, sizeof(whole), "%s%s", root, path);
	int fd = open(whole, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	size_t len = 0;
	ssize_t n;
	while ((n = io_read(fd, chunk, sizeof(chunk))) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (chunk[i] != '\n') {
				if (len < sizeof(line) - 1)
					line[len++] = chunk[i];
				continue;
			}
			line[len] = 0;
			len = 0;
			visit(context, line);
		}
	io_close(fd);
	return n < 0 ? (int)n : 0;
}

bool proc_field(char out[static PROC_FIELD_BYTES], const char *line, unsigned int number)
{
	const char *at = line + strspn(line, " ");
	for (; number > 0; number--) {
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	size_t len = strcspn(at, " ");
	if (len == 0 || len >= PROC_FIELD_BYTES)
		return false;
	memcpy(out, at, len);
	out[len] = 0;
	return true;
}

/* "sk RefCnt Type Proto Iface ...": protocol in hex; interface 0 is all of them. */
bool lldp_is_socket(const char *line, unsigned int index)
{
	char protocol[PROC_FIELD_BYTES], interface[PROC_FIELD_BYTES], ours[PROC_FIELD_BYTES];
	snprintf(ours, sizeof(ours), "%u", index);
	return proc_field(protocol, line, 3) && proc_field(interface, line, 4) &&
	       strcmp(protocol, ETHERTYPE_LLDP_HEX) == 0 &&
	       (strcmp(interface, ours) == 0 || strcmp(interface, "0") == 0);
}

/* What they listen at for their own commands. */
const char *lldp_daemon(const char *line)
{
	if (strstr(line, "/lldpd.socket") != NULL)
		return "lldpd";
	return strstr(line, "/com/intel/lldpad") != NULL ? "lldpad" : NULL;
}

bool lldp_is_group(const char *group)
{
	return strcmp(group, "0180c2000000") == 0 || strcmp(group, "0180c2000003") == 0 ||
	       strcmp(group, "0180c200000e") == 0;
}

/* ---- systemd-networkd ---- */

/* The line behind this one; NULL when it is the last. */
static const char *next_line(const char *at)
{
	const char *end = strchr(at, '\n');
	return end == NULL ? NULL : end + 1;
}

bool lldp_network_file(char *out, size_t size, const char *state)
{
	static const char key[] = "NETWORK_FILE=";
	for (const char *at = state; at != NULL; at = next_line(at)) {
		if (strncmp(at, key, strlen(key)) != 0)
			continue;
		const char *value = at + strlen(key);
		size_t len = strcspn(value, "\n");
		if (len == 0 || len >= size)
			return false;
		memcpy(out, value, len);
		out[len] = 0;
		return true;
	}
	return false;
}

static bool says_no(const char *value, size_t len)
{
	static const char *const no[] = {"", "no", "n", "false", "f", "off", "0"};
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (strlen(no[i]) == len && strncasecmp(no[i], value, len) == 0)
			return true;
	return false;
}

/* "EmitLLDP = value": whether this is such a line, and what it says. */
static bool takes_line(const char *line, bool *is_emitted)
{
	static const char key[] = "EmitLLDP", blanks[] = " \t";
	const char *at = line + strspn(line, blanks);
	if (strncmp(at, key, strlen(key)) != 0)
		return false;
	at += strlen(key);
	at += strspn(at, blanks);
	if (*at++ != '=')
		return false;
	at += strspn(at, blanks);
	size_t len = strcspn(at, "\r\n");
	while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
		len--;
	*is_emitted = !says_no(at, len);
	return true;
}

bool lldp_is_emitted(const char *text)
{
	bool is_network = false, is_emitted = false;
	for (const char *at = text; at != NULL; at = next_line(at)) {
		if (at[0] == '[')
			is_network = strncmp(at, "[Network]", strlen("[Network]")) == 0;
		else if (is_network)
			(void)takes_line(at, &is_emitted);
	}
	return is_emitted;
}

struct search {
	const char *root;
	char where[LINK_WHERE_BYTES]; /* the first file that has LLDP sent; "": none */
	const char *folder;
};

/* One that is not there, or is masked, says nothing. */
static int look_into(struct search *s, const char *path)
{
	char whole[PATH_BYTES];
	uint8_t *text = NULL;
	size_t len = 0;
	snprintf(whole, sizeof(whole), "%s%s", s->root, path);
	int result = io_read_file(AT_FDCWD, whole, FILE_BYTES_MAX, &text, &len);
	if (result == -ENOENT || result > 0)
		return 0;
	if (result != 0)
		return result;
	if (lldp_is_emitted((const char *)text))
		snprintf(s->where, sizeof(s->where), "%s", path);
	free(text);
	return 0;
}

static int look_into_part(int dir_fd, const char *name, void *context)
{
	struct search *s = context;
	char path[PATH_BYTES];
	size_t len = strlen(name);
	(void)dir_fd;
	if (len < strlen(".conf") || strcmp(name + len - strlen(".conf"), ".conf") != 0)
		return 0;
	int n = snprintf(path, sizeof(path), "%s/%s", s->folder, name);
	return n < 0 || (size_t)n >= sizeof(path) ? -ENAMETOOLONG : look_into(s, path);
}

/* The parts that are put beside a file, in any of the folders that networkd reads. */
static int look_into_parts(struct search *s, const char *file)
{
	static const char *const folders[] = {"/etc", "/run", "/usr/local/lib", "/usr/lib"};
	const char *slash = strrchr(file, '/');
	const char *name = slash == NULL ? file : slash + 1;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && s->where[0] == 0; i++) {
		char folder[PATH_BYTES], whole[PATH_BYTES];
		int n = snprintf(folder, sizeof(folder), "%s/systemd/network/%s.d", folders[i], name);
		int m = snprintf(whole, sizeof(whole), "%s%s", s->root, folder);
		if (n < 0 || (size_t)n >= sizeof(folder) || m < 0 || (size_t)m >= sizeof(whole))
			return -ENAMETOOLONG;
		s->folder = folder;
		int result = io_each_name(io_open_dir(AT_FDCWD, whole), look_into_part, s);
		if (result != 0 && result != -ENOENT)
			return result;
	}
	return 0;
}

static int ask_networkd(struct search *s, unsigned int index)
{
	char path[PATH_BYTES], file[PATH_BYTES];
	uint8_t *state = NULL;
	size_t len = 0;
	snprintf(path, sizeof(path), "%s/run/systemd/netif/links/%u", s->root, index);
	int result = io_read_file(AT_FDCWD, path, FILE_BYTES_MAX, &state, &len);
	if (result != 0)
		return result == -ENOENT ? 0 : result; /* networkd has nothing to do with it */
	bool is_managed = lldp_network_file(file, sizeof(file), (const char *)state);
	free(state);
	if (!is_managed)
		return 0;
	result = look_into(s, file);
	return result == 0 && s->where[0] == 0 ? look_into_parts(s, file) : result;
}

/* ---- all of it ---- */

struct sockets {
	unsigned int index;
	bool has_socket;
	const char *daemon;
};

static void take_packet(void *context, const char *line)
{
	struct sockets *s = context;
	s->has_socket |= lldp_is_socket(line, s->index);
}

static void take_unix(void *context, const char *line)
{
	struct sockets *s = context;
	const char *daemon = lldp_daemon(line);
	if (daemon != NULL)
		s->daemon = daemon;
}

int lldp_find(enum lldp_source *source, char where[static LINK_WHERE_BYTES], unsigned int index, const char *root)
{
	struct sockets sockets = {.index = index};
	struct search search = {.root = root};
	int result = proc_each_line(root, "/proc/net/packet", take_packet, &sockets);
	if (result == 0)
		result = proc_each_line(root, "/proc/net/unix", take_unix, &sockets);
	if (result == 0)
		result = ask_networkd(&search, index);
	if (result != 0)
		return result;
	*source = LLDP_NOBODY;
	if (sockets.daemon != NULL) {
		*source = LLDP_DAEMON;
		snprintf(where, LINK_WHERE_BYTES, "%s", sockets.daemon);
	} else if (search.where[0] != 0) {
		*source = LLDP_NETWORKD;
		snprintf(where, LINK_WHERE_BYTES, "%s", search.where);
	} else if (sockets.has_socket) {
		*source = LLDP_SOCKET;
		snprintf(where, LINK_WHERE_BYTES, "a socket of its protocol");
	}
	return 0;
}
