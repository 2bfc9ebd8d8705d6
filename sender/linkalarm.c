#include "linkalarm.h"

#include <syslog.h>

#include "common/service.h"

int linkalarm_open(struct linkwatch *watch, const struct config *config)
{
	char absent[LAYER_NAMES_BYTES];
	int code = linkwatch_open(watch, config);
	if (code == 0 && layers_absent(absent, config)[0] != 0)
		service_event(LOG_NOTICE, "E1072", "link: absent by the configuration: %s", absent);
	return code;
}

bool linkalarm_follow(struct linkwatch *watch, struct book *book)
{
	struct linkwatch_news news;
	linkwatch_look(watch, &news);
	if (news.frames[0] != 0) {
		service_event(LOG_CRIT, "E1071", "link: %s", news.frames);
		book_alarm(book, "E1071", news.frames);
	}
	if (news.broken[0] == 0)
		return false;
	service_event(LOG_CRIT, "E1070", "link: %s; nothing is sent until that is mended", news.broken);
	book_alarm(book, "E1070", news.broken);
	return true;
}
