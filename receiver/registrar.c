#include "registrar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/io.h"
#include "common/openbundle.h"
#include "common/verdict.h"

enum { FILE_MODE = 0640 };

int registrar_load(struct registry **out, int vault_fd, const struct roots *roots,
		   char problem[static PROBLEM_BYTES])
{
	uint8_t *text = NULL;
	size_t len = 0;
	problem[0] = 0;
	int result = io_read_file(vault_fd, REGISTRAR_FILE, REGISTRY_BYTES_MAX, &text, &len);
	if (result != 0)
		return result;
	result = registry_parse(out, text, len, roots, problem);
	free(text);
	return result;
}

int registrar_prefer(struct registry **registry, int vault_fd, const struct roots *roots)
{
	struct registry *crossed = NULL;
	char problem[PROBLEM_BYTES];
	int result = registrar_load(&crossed, vault_fd, roots, problem);
	if (result != 0)
		return result == -ENOENT ? 0 : result;
	bool is_ours = strcmp(registry_name(crossed), registry_name(*registry)) == 0;
	if (!is_ours || registry_version(crossed) <= registry_version(*registry)) {
		registry_free(crossed);
		return is_ours ? 0 : VERDICT_OTHER_REGISTRY;
	}
	registry_free(*registry);
	*registry = crossed;
	return 0;
}

/* One that came just now, and is not in use yet, counts as well; one that is damaged, or of other roots, does not. */
static bool is_above_file(const struct registry *registry, int vault_fd, const struct roots *roots)
{
	struct registry *crossed = NULL;
	char problem[PROBLEM_BYTES];
	bool is_above = registrar_load(&crossed, vault_fd, roots, problem) != 0 ||
			registry_version(registry) > registry_version(crossed);
	registry_free(crossed);
	return is_above;
}

/* is_new NULL: only asks. */
static int store(bool *is_new, int vault_fd, const struct registry *registry,
		 const struct roots *roots, const struct registry *in_use)
{
	size_t len;
	const uint8_t *text = registry_text(registry, &len);
	/* what has been delivered before comes again after a restart, or under another number */
	if (registry_equals(registry, in_use))
		return 0;
	/* the same roots may sign for several installations */
	if (strcmp(registry_name(registry), registry_name(in_use)) != 0)
		return VERDICT_OTHER_REGISTRY;
	if (registry_version(registry) <= registry_version(in_use) ||
	    !is_above_file(registry, vault_fd, roots))
		return VERDICT_OLDER_REGISTRY;
	if (is_new == NULL)
		return 0;
	int result = io_write_file(vault_fd, REGISTRAR_FILE, text, len, FILE_MODE);
	*is_new = result == 0;
	return result;
}

static int judge(bool *is_new, int vault_fd, int object_fd, const struct statement *statement,
		 const char *roots_path, const struct registry *in_use)
{
	struct roots *roots = NULL;
	struct registry *registry = NULL;
	uint8_t *text = NULL;
	size_t len = 0;
	char problem[PROBLEM_BYTES];
	int result = open_read(&text, &len, object_fd, statement);
	if (result == 0)
		result = roots_load(&roots, roots_path, problem);
	if (result == 0)
		result = registry_parse(&registry, text, len, roots, problem);
	if (result == 0)
		result = store(is_new, vault_fd, registry, roots, in_use);
	registry_free(registry);
	roots_free(roots);
	free(text);
	return result;
}

int registrar_judge(int vault_fd, int object_fd, const struct statement *statement, const char *roots,
		    const struct registry *in_use)
{
	return judge(NULL, vault_fd, object_fd, statement, roots, in_use);
}

int registrar_take(bool *is_new, int vault_fd, int object_fd, const struct statement *statement,
		   const char *roots, const struct registry *in_use)
{
	*is_new = false;
	return judge(is_new, vault_fd, object_fd, statement, roots, in_use);
}
