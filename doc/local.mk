# doc/: manual pages, and what people read first.
dist_man_MANS += doc/man/beadle.1 doc/man/beadle-audit-verify.1 doc/man/beadle-agent.8 doc/man/beadle-collector.8 doc/man/beadle-agent.yaml.5 \
	doc/man/beadle-collector.yaml.5 doc/man/beadle-watch.yaml.5
dist_doc_DATA = README.md README.zh-TW.md doc/operators-guide.md doc/operators-guide.zh-TW.md doc/architecture.md doc/checks.md \
	doc/procedure.md doc/api.md doc/plugin-guide.md doc/testing.md doc/assurance.md doc/journal-format.md \
	doc/backup-format.md
