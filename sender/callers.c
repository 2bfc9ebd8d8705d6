#include "callers.h"

#include <stdio.h>
#include <syslog.h>

#include "common/service.h"
#include "common/verdict.h"

int callers_take(struct acceptor *acceptor, const char *name, struct book *book, uint64_t now_ms)
{
	enum acceptor_news news;
	char what[64];
	int fd = acceptor_take(acceptor, 0, now_ms, &news);
	snprintf(what, sizeof(what), "%s: callers cannot be taken", name);
	if (news == ACCEPTOR_FAILS) {
		service_event(LOG_ERR, "E1026", "%s: %s", what, verdict_explain(fd));
		book_alarm(book, "E1026", what);
	}
	if (news == ACCEPTOR_WORKS)
		service_event(LOG_NOTICE, "E1027", "%s: callers are taken again", name);
	return fd;
}
