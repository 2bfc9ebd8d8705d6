/* Sensors, each with its limit. */
#include "tests/lib/checks.h"

static struct config config = {.side = CONFIG_SENDER};

int main(void)
{
	finds(check_temperature, &config, "green temperature: this machine does not tell", "without sensors it is green");
	box_put("/sys/class/hwmon/hwmon0/name", "coretemp\n");
	box_put("/sys/class/hwmon/hwmon0/temp1_input", "45000\n");
	finds(check_temperature, &config, "green temperature: this machine does not tell", "one without a limit says nothing");
	box_put("/sys/class/hwmon/hwmon0/temp1_crit", "100000\n");
	finds(check_temperature, &config, "green temperature: 45 degrees at coretemp temp1, whose limit is 100", "a cool core is green");
	box_put("/sys/class/hwmon/hwmon10/name", "nvme\n");
	box_put("/sys/class/hwmon/hwmon10/temp2_input", "72000\n");
	box_put("/sys/class/hwmon/hwmon10/temp2_max", "80000\n");
	finds(check_temperature, &config, "amber temperature: 72 degrees at nvme temp2, whose limit is 80", "the sensor nearest to its limit counts");
	box_put("/sys/class/hwmon/hwmon10/temp2_crit", "85000\n");
	finds(check_temperature, &config, "green temperature: 72 degrees at nvme temp2, whose limit is 85", "which is the critical one where there are two");
	box_put("/sys/class/hwmon/hwmon0/temp1_input", "100000\n");
	finds(check_temperature, &config, "red temperature: 100 degrees at coretemp temp1, whose limit is 100", "one that is reached is red");
	box_put("/sys/class/hwmon/hwmon0/temp1_input", "-5000\n");
	box_put("/sys/class/hwmon/hwmon1/temp1_input", "65261850\n");
	box_put("/sys/class/hwmon/hwmon1/temp1_crit", "65261850\n");
	finds(check_temperature, &config, "green temperature: 72 degrees at nvme temp2", "below zero is cool, and what no silicon stands is no reading");
	box_put("/sys/class/thermal/cooling_device0/type", "Fan\n");
	box_put("/sys/class/thermal/thermal_zone0/type", "x86_pkg_temp\n");
	box_put("/sys/class/thermal/thermal_zone0/temp", "98000\n");
	box_put("/sys/class/thermal/thermal_zone0/trip_point_0_type", "passive\n");
	box_put("/sys/class/thermal/thermal_zone0/trip_point_0_temp", "90000\n");
	box_put("/sys/class/thermal/thermal_zone0/trip_point_1_type", "critical\n");
	box_put("/sys/class/thermal/thermal_zone0/trip_point_1_temp", "105000\n");
	finds(check_temperature, &config, "amber temperature: 98 degrees at x86_pkg_temp thermal_zone0, whose limit is 105", "so do zones, by their critical point");
	return done_testing();
}
