#include "diskwatch.h"

#include <inttypes.h>
#include <stdio.h>
#include <syslog.h>

#include "common/service.h"

void diskwatch_follow(enum diskfill *level, const struct spool *spool, struct book *book, uint32_t full_percent)
{
	int percent = diskfill_percent(spool_dir(spool));
	if (percent < 0)
		return; /* each push is told why */
	enum diskfill before = *level;
	*level = diskfill_level(before, (unsigned int)percent, full_percent);
	if (*level == before || (*level == DISKFILL_FILLING && before == DISKFILL_FULL))
		return;
	if (*level == DISKFILL_FINE) {
		service_event(LOG_NOTICE, "E1025", "spool: its disk has room again");
		return;
	}
	bool is_full = *level == DISKFILL_FULL;
	char text[160];
	snprintf(text, sizeof(text), "the disk of the spool is %d %% full; pushes %s refused from %" PRIu32 " %% on",
		 percent, is_full ? "are" : "will be", full_percent);
	service_event(LOG_ERR, is_full ? "E1024" : "E1023", "spool: %s; make room", text);
	book_alarm(book, is_full ? "E1024" : "E1023", text);
}
