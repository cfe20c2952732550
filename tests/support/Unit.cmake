# gd_unit_test(source): one executable, and one CTest entry per CASE(name) line of it.
#
# It is linked with the static libraries, detectors first. A first line
# `/* link: gdetect */` names the targets itself (without _static), for tests
# that want no detector and no malloc of ours, or a library of the tools. A file
# *_<cpu>_test.c is for that CPU alone.
set(gd_unit_libraries gdetect_race gdetect_leak gdetect_detect gdetect)

# Names of the targets that source asks for; what is not there is left out.
function(gd_unit_libraries source out)
  set(wanted ${gd_unit_libraries})
  file(STRINGS ${source} first LIMIT_COUNT 1)
  if(first MATCHES "^/\\* link:(.*) \\*/")
    separate_arguments(wanted UNIX_COMMAND "${CMAKE_MATCH_1}")
  endif()
  set(found)
  foreach(name ${wanted})
    if(TARGET ${name}_static)
      list(APPEND found ${name}_static)
    elseif(TARGET ${name})
      list(APPEND found ${name})
    endif()
  endforeach()
  set(${out} ${found} PARENT_SCOPE)
endfunction()

function(gd_unit_test source)
  get_filename_component(file ${source} NAME_WE)
  if(file MATCHES "_aarch64_test$" AND NOT CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
    return()
  endif()
  get_filename_component(layer ${source} DIRECTORY)
  get_filename_component(layer ${layer} NAME)
  string(REGEX REPLACE "_test$" "" file ${file})
  set(target unit_${layer}_${file})

  gd_unit_libraries(${source} libraries)
  add_executable(${target} ${source})
  set_target_properties(${target} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/unit)
  target_link_libraries(${target} PRIVATE gd_common ${libraries} Threads::Threads ${CMAKE_DL_LIBS})
  target_include_directories(${target} PRIVATE ${JANSSON_INCLUDE_DIRS} ${UNWIND_INCLUDE_DIRS}
    ${DW_INCLUDE_DIRS} ${JEMALLOC_INCLUDE_DIRS})

  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(STRINGS ${source} lines REGEX "^CASE\\([a-zA-Z0-9_]+\\)")
  if(NOT lines)
    add_test(NAME unit.${layer}.${file} COMMAND ${target})
    set_tests_properties(unit.${layer}.${file} PROPERTIES LABELS unit TIMEOUT 60)
  endif()
  foreach(line ${lines})
    string(REGEX REPLACE "^CASE\\(([a-zA-Z0-9_]+)\\).*" "\\1" case "${line}")
    add_test(NAME unit.${layer}.${file}.${case} COMMAND ${target} ${case})
    set_tests_properties(unit.${layer}.${file}.${case} PROPERTIES LABELS unit TIMEOUT 60)
  endforeach()
endfunction()

# The unit tests that need the runtime alone.
function(gd_runtime_unit_tests)
  set(units)
  foreach(layer base arch sched time sync net inspect support)
    file(GLOB some CONFIGURE_DEPENDS unit/${layer}/*_test.c)
    list(APPEND units ${some})
  endforeach()
  foreach(source ${units})
    file(STRINGS ${source} first LIMIT_COUNT 1)
    if(first STREQUAL "/* link: gdetect */" OR first STREQUAL "/* link: */")
      gd_unit_test(${source})
    endif()
  endforeach()
endfunction()
