#!/bin/bash -eu
# Builds every fuzz target as OSS-Fuzz asks for it, and by hand as well:
#   CC=clang CXX=clang++ CFLAGS='-O1 -g' LIB_FUZZING_ENGINE=-fsanitize=fuzzer SRC=FOLDER-ABOVE-beadle OUT=FOLDER WORK=FOLDER build.sh
# CFLAGS carry the sanitizers there. To OUT go the targets, the libraries that they need, their corpora and their dictionaries.
cd "$SRC/beadle"
[ -e configure ] || autoreconf -fi
mkdir -p "$WORK/beadle" "$OUT/lib"
cd "$WORK/beadle"
engine=$LIB_FUZZING_ENGINE
case $engine in *.a) engine="$engine -lc++ -lm" ;; esac		# an engine in C++
"$SRC/beadle/configure" --enable-fuzzing --disable-dashboard CC="$CC" CFLAGS="$CFLAGS" LIB_FUZZING_ENGINE="$engine" \
	LDFLAGS="${LDFLAGS:-} -Wl,-rpath,'\$\$ORIGIN/lib'"
make -s -j"$(nproc)" fuzzers

for target in $(make -s print-fuzzers); do
	name=${target##*/}
	cp "$target" "$OUT/"
	# The machine that runs them has none of our libraries.
	ldd "$target" | awk '$3 ~ /^\// && $1 !~ /^lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+)\./ { print $3 }' | xargs -r cp -L -t "$OUT/lib"
	(cd "$SRC/beadle/tests/fuzz/corpus/${name#fuzz_}" && zip -q -r "$OUT/${name}_seed_corpus.zip" .)
	cp "$SRC/beadle/tests/fuzz/dictionaries/${name#fuzz_}.dict" "$OUT/$name.dict"
done
