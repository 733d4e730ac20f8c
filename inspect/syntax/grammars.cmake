# The grammars that syntax/syntax_tree.cc reads with: C sources of pinned npm packages, fetched once for all presets of a checkout.
set(NPM_GATE_GRAMMARS ${CMAKE_SOURCE_DIR}/build/grammars)
execute_process(COMMAND ${CMAKE_SOURCE_DIR}/scripts/fetch-grammars.sh ${NPM_GATE_GRAMMARS} COMMAND_ERROR_IS_FATAL ANY)

set(javascript ${NPM_GATE_GRAMMARS}/tree-sitter-javascript-0.23.1/src)
set(typescript ${NPM_GATE_GRAMMARS}/tree-sitter-typescript-0.23.2/typescript/src)
set(tsx ${NPM_GATE_GRAMMARS}/tree-sitter-typescript-0.23.2/tsx/src)

# Generated tables: compiled as they are, without our flags, and optimised in every preset (they do the parsing).
add_library(ng-grammars STATIC ${javascript}/parser.c ${javascript}/scanner.c ${typescript}/parser.c ${typescript}/scanner.c
            ${tsx}/parser.c ${tsx}/scanner.c)
set_target_properties(ng-grammars PROPERTIES UNITY_BUILD OFF)  # each parser is a whole of its own
target_include_directories(ng-grammars PRIVATE ${javascript})
target_compile_options(ng-grammars PRIVATE -O2 -g0 -w)
