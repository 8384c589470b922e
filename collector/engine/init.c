/* init.c - the first administrator, made while nothing runs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "accounts.h"
#include "authorise.h"
#include "clock.h"
#include "collector/store/change_queue.h"
#include "collector/store/reader.h"
#include "collector/store/store.h"
#include "engine.h"

#define RESERVE (64u * 1024 * 1024)

static int same_name(const char *name, const char *json, void *wanted)
{
	return strcmp(name, wanted) ? 0 : -EEXIST;
}

static int look_for(const char *folder, const char *name, char why[256])
{
	struct store_reader *reader;
	int r = reader_open(folder, &reader, why);

	if (r < 0)
		return r;
	r = reader_accounts(reader, same_name, (void *)name);
	if (r < 0)
		snprintf(why, 256, r == -EEXIST ? "there is an account %.64s already" : "the accounts cannot be read", name);
	reader_close(reader);
	return r;
}

static int add(struct store *store, const char *name, const char *password)
{
	static const struct deed by_hand = {RECORD_SYSTEM, "local", "account.added"};
	struct account account = {.roles = ROLE_ADMINISTRATOR, .must_change = true};
	struct store_change *change = change_new(NULL, NULL);
	struct accounts *accounts = accounts_new();
	int r = change && accounts ? 0 : -ENOMEM;

	snprintf(account.name, sizeof(account.name), "%s", name);
	if (r == 0)
		r = accounts_hash(password, account.hash);
	if (r == 0)
		r = accounts_set(accounts, &account, NULL, &by_hand, change);
	if (r == 0)
		r = store_apply(store, change);
	accounts_free(accounts);
	change_free(change);
	explicit_bzero(&account, sizeof(account));
	return r;
}

int engine_init_account(const char *folder, const uint8_t key[32], const char *name, char ret_password[32], char why[256])
{
	struct store *store = NULL;
	int r;

	if (!*name || strlen(name) >= sizeof(((struct account *)0)->name)) {
		snprintf(why, 256, "a name of an account has 1 to 63 bytes");
		return -EINVAL;
	}
	r = store_open(folder, RESERVE, &store, why);
	if (r < 0)
		return r;
	r = store_begin(store, key, clock_wall());
	if (r < 0)
		snprintf(why, 256, "the journal cannot be begun: %s", strerror(-r));
	else
		r = look_for(folder, name, why);
	if (r == 0) {
		r = accounts_one_time(ret_password);
		if (r == 0)
			r = add(store, name, ret_password);
		if (r < 0)
			snprintf(why, 256, "the account cannot be made: %s", strerror(-r));
	}
	store_close(store);
	return r;
}
