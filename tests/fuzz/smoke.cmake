# One short run of a fuzz target: PROGRAM MAX_LEN RUNS CORPUS DICTIONARY WORK. What is found goes to WORK, the corpus stays as it is.
# The corpus first, then RUNS executions from the same seed: a busy machine takes longer, and sees the same. NPM_GATE_ALL=1 takes
# another seed each time, and ten times as many.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK}/found)
set(seed 1)
if("$ENV{NPM_GATE_ALL}" STREQUAL "1")
  set(seed 0)  # libFuzzer's word for any
  math(EXPR RUNS "10 * ${RUNS}")
endif()
set(options -seed=${seed} -runs=${RUNS} -max_len=${MAX_LEN} -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 -print_funcs=0
    -artifact_prefix=${WORK}/)
if(EXISTS ${DICTIONARY})
  list(APPEND options -dict=${DICTIONARY})
endif()
execute_process(COMMAND ${PROGRAM} ${options} ${WORK}/found ${CORPUS} RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} found something (exit ${status}); its input is in ${WORK}")
endif()
