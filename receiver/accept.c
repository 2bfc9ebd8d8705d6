#include "accept.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/judgement.h"
#include "common/openbundle.h"
#include "common/recipients.h"
#include "common/verdict.h"
#include "bodytree.h"
#include "registrar.h"
#include "vault.h"

/* The first segment, as it lies there and as it reads. */
struct judged {
	uint8_t segment[SEGMENT_BYTES];
	struct release release;
	struct endorsements endorsements;
};

static int read_release(struct judged *judged, int fd)
{
	int result = io_pread_exact(fd, judged->segment, sizeof(judged->segment), 0);
	return result != 0 ? result
			   : release_segment_decode(&judged->release, &judged->endorsements,
						    judged->segment);
}

static void take_evidence(struct acceptance *a, const struct judged *judged)
{
	const struct statement *s = &judged->release.statement;
	struct evidence *e = &a->evidence;
	bundle_name(a->name, s->route, judged->release.number);
	memcpy(a->route, s->route, sizeof(a->route));
	memcpy(e->root, s->root, sizeof(e->root));
	memcpy(e->manifest, s->manifest_digest, sizeof(e->manifest));
	memcpy(e->push_id, s->push_id, sizeof(e->push_id));
	memcpy(e->person, s->person, sizeof(e->person));
	endorsements_officers(&judged->endorsements, e->officers, sizeof(e->officers));
	e->registry_version = s->registry_version;
}

/* A release that differs from what the catalogue named is not the bundle that was announced. */
static int compare_with_entry(const struct acceptance *a, const struct release *release)
{
	const struct geometry *g = &a->entry.geometry;
	if (release->epoch != a->id.epoch || release->number != a->id.number ||
	    release->route_id != a->id.route_id)
		return VERDICT_WRONG_ROUTE;
	if (release->row_len != g->row_len || release->source_rows != g->source_rows ||
	    release->repair_rows != g->repair_rows ||
	    bundle_object_len(&release->statement) != g->object_len)
		return VERDICT_BAD_GEOMETRY;
	if (release->statement.destroy_by != a->entry.destroy_by)
		return VERDICT_BAD_TIME;
	if (memcmp(release->statement.root, a->entry.root, SUITE_DIGEST_BYTES) != 0)
		return VERDICT_BAD_ROOT;
	return VERDICT_OK;
}

/* Verdicts that a newer registry may change. */
static bool depends_on_registry(int verdict)
{
	switch (verdict) {
	case VERDICT_UNKNOWN_KEY:
	case VERDICT_UNKNOWN_ROUTE:
	case VERDICT_WRONG_ROUTE:
	case VERDICT_NOT_ALLOWED:
	case VERDICT_EXPIRED:
	case VERDICT_SUSPENDED:
	case VERDICT_WRONG_POLICY:
	case VERDICT_NOT_REVIEWED:
	case VERDICT_TOO_FEW_APPROVALS:
	case VERDICT_OWN_PUSH:
		return true;
	default:
		return false;
	}
}

/*
 * The registry under which it was sealed may be ahead of ours, and so may the one under which it was
 * released.  Such a bundle waits; but a release whose box we know must at least be signed by it.
 */
static int judge_release(struct acceptance *a, const struct judged *judged)
{
	const struct release *release = &judged->release;
	uint64_t ours = registry_version(a->registry);
	uint64_t sealed_under = release->statement.registry_version;
	uint64_t newest = sealed_under > a->sender_registry_version ? sealed_under
								    : a->sender_registry_version;
	const struct party *box =
		registry_party_by_key(a->registry, KEY_SENDER, release->box_key);
	int verdict = box == NULL ? VERDICT_OK : release_segment_verify(judged->segment, box->card.public_key);
	if (verdict != 0)
		return verdict;
	if (sealed_under > ours) {
		a->wanted_version = sealed_under;
		return -EAGAIN;
	}
	verdict = release_check(a->registry, judged->segment, release, &judged->endorsements);
	/* after a start, what the sender uses is known with its first heartbeat */
	if (depends_on_registry(verdict) && (newest > ours || a->sender_registry_version == 0)) {
		a->wanted_version = newest > ours ? newest : 0;
		return -EAGAIN;
	}
	return verdict;
}

static int judge_body(struct acceptance *a, const struct release *release, int dir_fd, int fd)
{
	uint8_t root[SUITE_DIGEST_BYTES];
	/* what must be on the disk in the end can be on its way there meanwhile; fsync has the last word */
	(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	/* a large one was written past the cache, and filling it now would cost more than hashing */
	const bool is_large = a->known != NULL && a->known->pieces > 0;
	int direct_fd = is_large ? openat(dir_fd, PARTIAL_OBJECT, O_RDONLY | O_DIRECT | O_CLOEXEC | O_NOFOLLOW) : -1;
	int result = bodytree_root(fd, direct_fd, SEGMENT_BYTES, release->statement.segments, a->known, root, a->stop);
	io_close(direct_fd);
	a->is_lost = result == -EIO;
	if (result != 0)
		return result;
	return memcmp(root, release->statement.root, sizeof(root)) == 0 ? VERDICT_OK
									: VERDICT_BAD_ROOT;
}

/* To whom it is sealed can be seen without opening it; that it can be opened by nobody else, cannot. */
static int judge_recipients(struct acceptance *a, const struct release *release, int fd)
{
	uint8_t head[SEGMENT_BYTES];
	const char *who;
	const struct route *route = registry_route(a->registry, release->statement.route);
	int result = io_pread_exact(fd, head, sizeof(head), SEGMENT_BYTES);
	a->is_lost = result < 0;
	return result != 0 ? result
			   : recipients_check_head(route, head, release->released_at, false, &who);
}

/* The registry goes behind the object; then all of it is on the disk, or an error says that it is not. */
static int complete_file(struct acceptance *a, const struct judged *judged, int fd)
{
	size_t len;
	const uint8_t *text = registry_text(a->registry, &len);
	uint64_t object_len = a->entry.geometry.object_len;
	int result = ftruncate(fd, (off_t)(object_len + len)) < 0 ? -errno : 0;
	if (result == 0)
		result = io_pwrite(fd, text, len, object_len);
	if (result != 0) {
		a->is_lost = result == -EIO;
		return result;
	}
	result = io_fsync(fd);
	/* also when it says that there was no room: a write was lost, and nobody knows which */
	a->is_lost = result != 0;
	edges_of(a->edges, judged->segment, text, len);
	return result == -EAGAIN ? -EIO : result;
}

static int judge_and_complete(struct acceptance *a, int dir_fd)
{
	struct judged judged;
	const struct release *release = &judged.release;
	int fd = openat(dir_fd, PARTIAL_OBJECT, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		a->is_lost = errno == ENOENT;
		return -errno;
	}
	int result = read_release(&judged, fd);
	a->is_lost = result < 0; /* it has its full length, so only the disk can fail */
	if (result == 0)
		result = compare_with_entry(a, release);
	if (result == 0) {
		take_evidence(a, &judged);
		result = judge_release(a, &judged);
	}
	if (result == 0)
		result = judge_body(a, release, dir_fd, fd);
	if (result == 0 && open_is(&release->statement))
		result = registrar_judge(a->vault_fd, fd, &release->statement, a->roots, a->registry);
	else if (result == 0) /* an open one is sealed to nobody */
		result = judge_recipients(a, release, fd);
	if (result == 0)
		result = complete_file(a, &judged, fd);
	int closed = io_close(fd);
	a->is_lost |= closed != 0;
	return result != 0 ? result : closed;
}

int accept_judge(struct acceptance *a)
{
	int dir_fd = partial_open_dir(a->site, &a->id);
	a->is_lost = dir_fd == -ENOENT; /* somebody has removed it */
	if (dir_fd < 0)
		return dir_fd;
	int result = judge_and_complete(a, dir_fd);
	io_close(dir_fd);
	return result;
}

/*
 * Before it is delivered: what was delivered never comes again.  When a newer one was taken since it was judged,
 * nothing is left to do; when it would be refused now, it is judged again.
 */
static int take_registry(struct acceptance *a, int dir_fd)
{
	struct judged judged;
	int fd = openat(dir_fd, PARTIAL_OBJECT, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	int result = read_release(&judged, fd);
	if (result == 0)
		result = registrar_take(&a->has_registry, a->vault_fd, fd, &judged.release.statement,
					a->roots, a->registry);
	io_close(fd);
	if (result == VERDICT_OLDER_REGISTRY)
		return 0;
	return result > 0 ? -EAGAIN : result;
}

int accept_deliver(struct acceptance *a)
{
	int dir_fd = partial_open_dir(a->site, &a->id);
	a->is_lost = dir_fd == -ENOENT;
	if (dir_fd < 0)
		return dir_fd;
	int result = a->id.route_id == OPEN_ROUTE_ID ? take_registry(a, dir_fd) : 0;
	if (result == 0)
		result = vault_deliver(a->vault_fd, dir_fd, PARTIAL_OBJECT, a->id.epoch, a->name);
	a->is_lost = result == -ENOENT && faccessat(dir_fd, PARTIAL_OBJECT, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
	io_close(dir_fd);
	return result;
}

int accept_describe(struct acceptance *out, int fd)
{
	struct judged judged;
	uint8_t edges[EDGES_BYTES];
	int result = read_release(&judged, fd);
	if (result == 0)
		result = edges_of_file(edges, fd, bundle_object_len(&judged.release.statement));
	if (result != 0)
		return result;
	*out = (struct acceptance){
		.id = {
			.epoch = judged.release.epoch,
			.number = judged.release.number,
			.route_id = judged.release.route_id,
		},
		.entry = {.destroy_by = judged.release.statement.destroy_by},
	};
	memcpy(out->edges, edges, sizeof(out->edges));
	take_evidence(out, &judged);
	return 0;
}
