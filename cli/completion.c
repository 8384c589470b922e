#include <stdio.h>
#include <string.h>

#include "command.h"

int command_completion(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "bash"))
		return command_usage(argv[0], "knows the shell bash");
	printf("_beadle() {\n\tlocal w=\"${COMP_WORDS[COMP_CWORD]}\" c=\"${COMP_WORDS[1]}\"\n"
	       "\tif [ \"$COMP_CWORD\" = 1 ]; then COMPREPLY=($(compgen -W \"--socket --json --help --version");
	for (const struct command *c = commands; c->name; c++)
		printf(" %s", c->name);
	printf("\" -- \"$w\"))\n\telse case \"$c\" in\n"
	       "\t\tincidents) COMPREPLY=($(compgen -W '--all --host --json' -- \"$w\")) ;;\n"
	       "\t\tack) COMPREPLY=($(compgen -W '--for --note --json' -- \"$w\")) ;;\n"
	       "\t\thandle|close) COMPREPLY=($(compgen -W '--note --json' -- \"$w\")) ;;\n"
	       "\t\tclock) COMPREPLY=($(compgen -W 'confirm --note --json' -- \"$w\")) ;;\n"
	       "\t\tidentity) COMPREPLY=($(compgen -W 'new list revoke --host --out --replace --json' -- \"$w\")) ;;\n"
	       "\t\ttoken) COMPREPLY=($(compgen -W 'new list revoke approve --host --replace --approve --hours --at --json' -- \"$w\")) ;;\n"
	       "\t\tenroll) COMPREPLY=($(compgen -W '--host --again --identity --agent-config --watcher --watch-config --json' -- \"$w\")) ;;\n"
	       "\t\tauthority) COMPREPLY=($(compgen -W 'show roll finish --force --json' -- \"$w\")) ;;\n"
	       "\t\taudit) COMPREPLY=($(compgen -f -W 'export verify change-key --out --key --witness' -- \"$w\")) ;;\n"
	       "\t\tbackup) COMPREPLY=($(compgen -f -W '--passphrase-file --json' -- \"$w\")) ;;\n"
	       "\t\trestore) COMPREPLY=($(compgen -f -W '--state --config --passphrase-file --replace --json' -- \"$w\")) ;;\n"
	       "\t\tcheck) COMPREPLY=($(compgen -f -W '--option --warning --critical --nagios --state --timeout "
	       "--grant --user --json' -- \"$w\")) ;;\n"
	       "\t\tdoctor) COMPREPLY=($(compgen -W '--agent-config --collector-config --json' -- \"$w\")) ;;\n"
	       "\t\twatch-collector) COMPREPLY=($(compgen -f -W '--config --check-config' -- \"$w\")) ;;\n"
	       "\t\tcompletion) COMPREPLY=($(compgen -W bash -- \"$w\")) ;;\n"
	       "\tesac; fi\n}\ncomplete -F _beadle beadle\n");
	return EXIT_DONE;
}
