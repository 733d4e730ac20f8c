# Writes OUTPUT with the commit of SOURCE ("unknown" outside a git work tree, "+changes" with uncommitted ones) and BUILD_TYPE.
# NPM_GATE_COMMIT in the environment wins: source packages have no .git.
set(commit "$ENV{NPM_GATE_COMMIT}")
if(commit STREQUAL "")
  execute_process(COMMAND git -C ${SOURCE} rev-parse --short=12 HEAD OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE
                  RESULT_VARIABLE failed ERROR_QUIET)
  if(failed)
    set(commit unknown)
  else()
    execute_process(COMMAND git -C ${SOURCE} status --porcelain --untracked-files=no OUTPUT_VARIABLE changes ERROR_QUIET)
    if(NOT changes STREQUAL "")
      string(APPEND commit "+changes")
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "// Written by packaging/build_info.cmake.\n#pragma once\n#define NPM_GATE_COMMIT \"${commit}\"\n#define NPM_GATE_BUILD_TYPE \"${BUILD_TYPE}\"\n" @ONLY)
