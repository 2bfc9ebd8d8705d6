#include "watch.h"

#include <string.h>
#include <sys/stat.h>

static struct watch_mark look(const char *path)
{
	struct stat st;
	struct watch_mark mark = {0};
	if (stat(path, &st) == 0) {
		mark.device = st.st_dev;
		mark.inode = st.st_ino;
		mark.size = (uint64_t)st.st_size;
		/* the time of the inode's change cannot be set back, as that of the content can */
		mark.changed_s = st.st_ctim.tv_sec;
		mark.changed_ns = st.st_ctim.tv_nsec;
	}
	return mark;
}

static bool are_same(const struct watch_mark *a, const struct watch_mark *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed_s == b->changed_s && a->changed_ns == b->changed_ns;
}

void watch_take(struct watch *watch, const char *path)
{
	watch->taken = watch->seen = look(path);
}

bool watch_has_changed(struct watch *watch, const char *path)
{
	struct watch_mark now = look(path);
	bool is_at_rest = are_same(&now, &watch->seen);
	watch->seen = now;
	return is_at_rest && !are_same(&now, &watch->taken);
}

bool watch_is_news(struct watch *watch, int result)
{
	bool is_news = result > 0 || (result < 0 && result != watch->failure);
	watch->failure = result < 0 ? result : 0;
	if (result < 0)
		memset(&watch->taken, 0, sizeof(watch->taken));
	return is_news;
}
