#include "linkalarm.h"

#include <syslog.h>

#include "common/service.h"

int linkalarm_open(struct linkwatch *watch, const struct config *config)
{
	char absent[LAYER_NAMES_BYTES];
	int code = linkwatch_open(watch, config);
	if (code == 0 && layers_absent(absent, config)[0] != 0)
		service_event(LOG_NOTICE, "E2112", "keep: layers of the link that are absent by the configuration: %s",
			      absent);
	return code;
}

void linkalarm_follow(struct linkwatch *watch, const struct teller *teller, struct ring *ring)
{
	struct linkwatch_news news;
	linkwatch_look(watch, &news);
	if (news.frames[0] != 0)
		event_tell(teller, LOG_CRIT, "E2111", "keep: %s", news.frames);
	if (news.broken[0] == 0 || ring_is_retired(ring))
		return;
	event_tell(teller, LOG_CRIT, "E2110", "keep: %s; nothing is received until that is mended", news.broken);
	ring_retire(ring);
}

uint64_t linkalarm_frames(const struct linkwatch *watch)
{
	uint64_t most = 0;
	for (int i = 0; i < FRAMES_SOURCES; i++)
		most = watch->told[i] > most ? watch->told[i] : most;
	return most;
}
