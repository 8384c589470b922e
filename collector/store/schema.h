/* schema.h - the tables, as the steps that lead to them (sql_migrate). A step that was released is never changed. */
#ifndef SCHEMA_H
#define SCHEMA_H

extern const char *const schema_main[];
extern const int schema_main_steps;
extern const char *const schema_day[];
extern const int schema_day_steps;

#endif
