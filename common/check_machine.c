#include "check.h"

void check_machine(const struct check *check)
{
	check_link(check);
	check_nic(check);
	check_listeners(check);
	check_cores(check);
	check_temperature(check);
	check_sockets(check);
	check_kernel(check);
	check_link_process(check);
	check_swap(check);
}
