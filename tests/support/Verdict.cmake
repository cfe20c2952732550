# Programs with a verdict: samples, and the conformance cases.
function(gd_conformance source)
endfunction()
