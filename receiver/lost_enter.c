/* What the ledger has to do with it; apart, since weir-inbox reads the list and writes no ledger. */
#include <errno.h>

#include "lost.h"

void lost_enter(struct lost *lost, struct diary *diary, lost_name *name_of, const void *context)
{
	const struct lost_item *item;
	for (size_t i = 0; (item = lost_owed(lost, i)) != NULL; i++) {
		char name[64];
		name_of(context, &item->id, name);
		diary_lost(diary, name, item);
	}
	lost_note_added(lost);
}

int lost_acknowledge(struct lost *lost, const struct bundle_id *id, struct diary *diary, const struct lost_note *note,
		     const char *name)
{
	const struct lost_item *item = lost_find(lost, id);
	if (item == NULL)
		return -ENOENT;
	int result = diary_acknowledged(diary, note, name, item);
	if (result != 0)
		return result;
	(void)lost_remove(lost, id);
	return lost_store(lost);
}
