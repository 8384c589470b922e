#include "words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "crc32c.h"
#include "text.h"

struct sentence { const char *zh, *en; };

/* By enum look. */
static const struct sentence short_of[] = {
	{"恢復運作", "works again"},
	{"沒有回應", "does not answer"},
	{"回應者不是本校的收集器", "who answers is not the school's collector"},
	{"拒絕本機查看", "does not let this server in"},
	{"無法運作", "cannot work"},
	{"無法查看", "cannot be looked at"},
};
static const struct sentence meaning[] = {
	{"收集器重新回應，引擎運作中，紀錄可以寫入。各主機代理程式暫存的量測結果會自動補送。",
	 "It answers again, its engine runs and its store can be written to. What the agents measured meanwhile comes by itself."},
	{"在此期間沒有人看顧各主機，也不會有任何通報。請查看該機器是否開機、網路是否相通，再看 systemctl status beadle-collector。",
	 "Meanwhile nobody looks after the hosts, and nobody is told of anything. See whether the machine runs and is reached, then "
	 "systemctl status beadle-collector."},
	{"該位址上的服務出示的憑證不是本校憑證機構所核發的收集器憑證。可能是位址或名稱服務有誤、收集器重新安裝，或有人冒充。"
	 "代理程式不會把資料交給它。",
	 "The certificate that is shown at this address is not that of a collector of this school. Either the address or the name service is "
	 "wrong, or the collector was installed anew, or somebody stands in its place. No agent gives it anything."},
	{"收集器有回應，但不接受本機的身分：可能已撤銷或過期。收集器本身可能仍運作，但本機無法再確認。",
	 "It answers, and does not accept this server's identity: it was revoked, or is over. The collector may work, but that cannot be seen "
	 "from here any more."},
	{"收集器有回應，並說明自己無法運作。",
	 "It answers, and says itself that it does not work."},
	{"本機的身分檔無法使用，因此無法確認收集器是否運作。請在本機執行 beadle doctor。",
	 "This server's own identity cannot be used, so nobody knows whether the collector works. Run beadle doctor on this server."},
};

static const char *in(const struct sentence *s, bool chinese)
{
	return chinese ? s->zh : s->en;
}

static void put_when(int64_t wall_ns, char buf[40])
{
	time_t t = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(buf, 40, "%Y-%m-%d %H:%M:%S %z", &tm);
}

void words_of(const struct telling *t, const char *to, const char *here, bool chinese, struct words *ret)
{
	char began[40], at[40], lasted[24], reason[LOOK_WHY + 40] = "", time[80] = "";

	put_when(t->began, began);
	put_when(t->at, at);
	text_put_duration(t->at > t->began ? t->at - t->began : 0, lasted);
	if (*t->why)
		snprintf(reason, sizeof(reason), chinese ? "原因：%s\n" : "Reason: %s\n", t->why);
	if (t->time > 1 && t->now != LOOK_WORKS)
		snprintf(time, sizeof(time), chinese ? "這是此次中斷的第 %u 封信。\n" : "This is mail number %u of this outage.\n", t->time);
	snprintf(ret->id, sizeof(ret->id), "watch-%08x-%08x-%" PRId64 "-%u-%s", crc32c(0, t->address, strlen(t->address)),
		 crc32c(0, to, strlen(to)), t->began / NS_PER_MS, t->time, look_name(t->now));
	snprintf(ret->subject, sizeof(ret->subject), chinese ? "[巡堂] 收集器 %s：%s" : "[Beadle] collector %s: %s", t->address,
		 in(&short_of[t->now], chinese));
	snprintf(ret->text, sizeof(ret->text),
		 chinese ? "收集器：%s\n狀態：%s\n%s開始：%s\n現在：%s（已 %s）\n\n%s\n%s\n由 %s 上的 beadle watch-collector 寄出。\n"
			 : "Collector: %s\nState: %s\n%sSince: %s\nNow: %s (for %s)\n\n%s\n%s\nSent by beadle watch-collector on %s.\n",
		 t->address, in(&short_of[t->now], chinese), reason, began, at, lasted, in(&meaning[t->now], chinese), time, here);
}
