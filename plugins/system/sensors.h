/* sensors.h - temperatures: /sys/class/hwmon, and where that has none, /sys/class/thermal. */
#ifndef SENSORS_H
#define SENSORS_H

#define SENSORS_MAX 200

/* `sensor` is "driver:device:label", such as "coretemp:coretemp.0:Package id 0", the same after a restart. A sensor
 * that says that it is broken, or something that cannot be, is left out. */
void sensors_each(const char *sys, void (*found)(const char *sensor, double celsius, void *arg), void *arg);

#endif
