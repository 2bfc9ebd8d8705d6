#include "niceness.h"

#include <sys/resource.h>

void niceness_ask(int niceness)
{
	(void)setpriority(PRIO_PROCESS, 0, niceness);
}
