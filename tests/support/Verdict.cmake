# Programs with a verdict: the samples, and the conformance cases. Each is compiled with
# gdetect-gcc and gdetect-clang -fgdetect, run with several numbers of Ps, and judged by
# gd-verdict (verdict.c) against the comments of its source.
add_executable(gd-verdict ${CMAKE_CURRENT_LIST_DIR}/verdict.c
  ${CMAKE_CURRENT_LIST_DIR}/verdict_leak.c)
target_link_libraries(gd-verdict PRIVATE gd_common)
set(gd_verdict_tool ${CMAKE_CURRENT_LIST_DIR})

set(gd_wrappers gcc)
if(GD_CLANG)
  list(APPEND gd_wrappers clang)
else()
  message(STATUS "clang is not installed: programs are tested with gcc alone")
endif()
add_custom_target(verdict_programs ALL)

# What a program must be linked again for. The libraries themselves, since a custom target
# is no file to depend on.
set(gd_wrapper_files)
foreach(name gdetect-cc gdetect_stub gdetect_static gdetect_libc_static gdetect_detect_static
    gdetect_leak_static gdetect_race_static)
  if(TARGET ${name})
    list(APPEND gd_wrapper_files ${name})
  endif()
endforeach()

# gd_verdict_program(set name source compiler level out): builds one; its path goes to out.
function(gd_verdict_program set name source compiler level out)
  set(program ${CMAKE_CURRENT_BINARY_DIR}/${set}/${name}.${compiler}.${level})
  get_filename_component(folder ${source} DIRECTORY)
  file(GLOB near CONFIGURE_DEPENDS ${folder}/*.h ${gd_verdict_tool}/*.h)
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${set})
  set(detectors race,leak)
  if(set STREQUAL leak)
    set(detectors leak)
  endif()
  add_custom_command(OUTPUT ${program}
    COMMAND ${CMAKE_BINARY_DIR}/bin/gdetect-${compiler} -fgdetect=${detectors}
      -std=gnu11 -D_GNU_SOURCE
      -${level} -g -Wall -Wextra -Wno-unused-parameter
      -Wno-unused-but-set-variable -Werror -I${CMAKE_SOURCE_DIR}
      -o ${program} ${source}
    DEPENDS ${gd_wrapper_files} ${source} ${near}
    COMMENT "gdetect-${compiler} -${level} ${set}/${name}" VERBATIM)
  string(MAKE_C_IDENTIFIER ${set}_${name}_${compiler}_${level} target)
  add_custom_target(program_${target} DEPENDS ${program})
  add_dependencies(verdict_programs program_${target})
  set(${out} ${program} PARENT_SCOPE)
endfunction()

# gd_verdict_test(name label procs source program [-c case] [argument...])
function(gd_verdict_test name label procs source program)
  set(case)
  if(ARGC GREATER 5)
    set(case -c ${ARGV5})
  endif()
  add_test(NAME ${name} COMMAND gd-verdict -t 60 ${case} ${source} ${program} ${ARGV5})
  set_tests_properties(${name} PROPERTIES LABELS "${label}" TIMEOUT 90
    ENVIRONMENT "GD_MAXPROCS=${procs};GDETECT_OPTIONS=")
endfunction()

# gd_verdict_repeated(name procs source program case): 100 runs that must all say the same.
function(gd_verdict_repeated name procs source program case)
  add_test(NAME ${name}.100 COMMAND gd-verdict -n 100 -t 60 -c ${case} ${source} ${program} ${case})
  set_tests_properties(${name}.100 PROPERTIES LABELS "nightly;repeat" TIMEOUT 600
    ENVIRONMENT "GD_MAXPROCS=${procs};GDETECT_OPTIONS=")
endfunction()

# gd_sample(source): a program of samples/, on 1, 2 and 8 Ps; optimised and not where a
# detector has something to say.
function(gd_sample source)
  get_filename_component(name ${source} NAME_WE)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(STRINGS ${source} first LIMIT_COUNT 1)
  if(NOT first MATCHES "^/\\* verdict: ([a-z]+)")
    message(FATAL_ERROR "${source}: the first line gives no verdict")
  endif()
  set(levels O2)
  if(CMAKE_MATCH_1 MATCHES "race|leak")
    set(levels O0 O2)
  endif()
  foreach(compiler ${gd_wrappers})
    foreach(level ${levels})
      gd_verdict_program(samples ${name} ${source} ${compiler} ${level} program)
      foreach(procs 1 2 8)
        gd_verdict_test(sample.${name}.${compiler}.${level}.p${procs} conformance ${procs}
          ${source} ${program})
      endforeach()
    endforeach()
  endforeach()
endfunction()

# gd_race_cases(source): RACE(name), NORACE(name) and RACEFATAL(name) lines. They are many, so each is built with
# -O2 alone, and the ordinary run has it once per compiler: gcc's with two Ps, clang's with one
# and the two sides the other way round. The other numbers of Ps come with the nightly runs.
function(gd_race_cases set name source)
  file(STRINGS ${source} lines REGEX "^(RACE|NORACE|RACEFATAL)\\([a-zA-Z0-9_]+\\)")
  if(NOT lines)
    return()
  endif()
  foreach(compiler ${gd_wrappers})
    gd_verdict_program(${set} ${name} ${source} ${compiler} O2 program)
    foreach(line ${lines})
      string(REGEX REPLACE "^RACE\\(([a-zA-Z0-9_]+)\\).*" "race_\\1" case "${line}")
      string(REGEX REPLACE "^NORACE\\(([a-zA-Z0-9_]+)\\).*" "norace_\\1" case "${case}")
      string(REGEX REPLACE "^RACEFATAL\\(([a-zA-Z0-9_]+)\\).*" "racefatal_\\1" case "${case}")
      foreach(procs 1 2 8)
        set(test ${set}.${name}.${case}.${compiler}.O2.p${procs})
        set(label conformance nightly)
        if("${compiler}.${procs}" MATCHES "^(gcc.2|clang.1)$")
          set(label conformance)
        endif()
        gd_verdict_test(${test} "${label}" ${procs} ${source} ${program} ${case})
        if(compiler STREQUAL clang)
          set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT GD_CASE_REVERSED=1)
        endif()
      endforeach()
    endforeach()
  endforeach()
endfunction()

# gd_leak_cases(source): the cases of LEAK(name), NOLEAK(name) and STUCK(name) lines, and of those
# that begin several (tests/conformance/leak/kernel.h). Each program is built optimised by gcc and
# not by clang; the ordinary run has one number of Ps for each, and the stranger half of the
# kernels' cases by gcc alone. The nightly runs have the rest, each leak 100 times over, and the
# cases called _100k.
set(gd_leak_kinds_LEAK leak_@)
set(gd_leak_kinds_NOLEAK noleak_@)
set(gd_leak_kinds_STUCK stuck_@)
set(gd_leak_kinds_KERNEL leak_@ leak_@_beside noleak_@_repaired)
set(gd_leak_kinds_CALLER_KERNEL ${gd_leak_kinds_KERNEL} stuck_@)
set(gd_leak_kinds_HIDDEN_KERNEL stuck_@ leak_@_at_end noleak_@_repaired noleak_@_missed)
function(gd_leak_cases set name source)
  file(STRINGS ${source} lines REGEX "^(LEAK|NOLEAK|STUCK|([A-Z]+_)?KERNEL)\\([a-zA-Z0-9_]+\\)")
  if(NOT lines)
    return()
  endif()
  set(cases)
  foreach(line ${lines})
    string(REGEX REPLACE "^([A-Z_]+)\\(([a-zA-Z0-9_]+)\\).*" "\\1" kind "${line}")
    string(REGEX REPLACE "^[A-Z_]+\\(([a-zA-Z0-9_]+)\\).*" "\\1" stem "${line}")
    string(REPLACE "@" "${stem}" begun "${gd_leak_kinds_${kind}}")
    list(APPEND cases ${begun})
  endforeach()
  foreach(compiler ${gd_wrappers})
    set(level O2)
    if(compiler STREQUAL clang)
      set(level O0)
    endif()
    gd_verdict_program(${set} ${name} ${source} ${compiler} ${level} program)
    foreach(case ${cases})
      set(test ${set}.${name}.${case}.${compiler}.${level})
      foreach(procs 1 2 8)
        set(label conformance nightly)
        if(case MATCHES "_100k$")
          # only in the nightly runs
        elseif("${compiler}.${procs}" STREQUAL gcc.2 OR ("${compiler}.${procs}" STREQUAL clang.1 AND
            NOT case MATCHES "_(beside|repaired)$"))
          set(label conformance)
        endif()
        gd_verdict_test(${test}.p${procs} "${label}" ${procs} ${source} ${program} ${case})
        if(case MATCHES "^(leak|stuck)_" AND NOT case MATCHES "_100k$" AND "${compiler}.${procs}" MATCHES "gcc.[12]|clang.8")
          gd_verdict_repeated(${test}.p${procs} ${procs} ${source} ${program} ${case})
        endif()
      endforeach()
    endforeach()
  endforeach()
endfunction()

# gd_conformance(source): cases of tests/conformance/<set>/, one entry per CASE, compiler and
# number of Ps (1 and many); -O0 comes with the nightly runs.
function(gd_conformance source)
  get_filename_component(name ${source} NAME_WE)
  get_filename_component(set ${source} DIRECTORY)
  get_filename_component(set ${set} NAME)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  gd_race_cases(${set} ${name} ${source})
  gd_leak_cases(${set} ${name} ${source})
  file(STRINGS ${source} lines REGEX "^CASE\\([a-z]+_[a-zA-Z0-9_]+\\)")
  if(NOT lines)
    return()
  endif()
  foreach(compiler ${gd_wrappers})
    foreach(level O0 O2)
      gd_verdict_program(${set} ${name} ${source} ${compiler} ${level} program)
      set(label conformance)
      if(level STREQUAL O0)
        set(label conformance nightly)
      endif()
      foreach(line ${lines})
        string(REGEX REPLACE "^CASE\\(([a-zA-Z0-9_]+)\\).*" "\\1" case "${line}")
        foreach(procs 1 8)
          gd_verdict_test(${set}.${name}.${case}.${compiler}.${level}.p${procs} "${label}" ${procs}
            ${source} ${program} ${case})
        endforeach()
      endforeach()
    endforeach()
  endforeach()
endfunction()
