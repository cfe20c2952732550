/*
 * recovered.h - what became of an attempt to end a wait that was proven to be a leak.
 */
#ifndef GD_RUNTIME_BASE_RECOVERED_H
#define GD_RUNTIME_BASE_RECOVERED_H

enum gd__recovered {
	GD__RECOVERED,         /* its operation returns GD_ELEAKED */
	GD__RECOVER_NOT_ASKED, /* the goroutine has not called gd_go_recoverable */
	GD__RECOVER_TOLD,      /* it was told before, and waits again */
	GD__RECOVER_NO_CODE, /* the operation has no result: an empty select, once, cond's mutex */
	GD__RECOVER_IN_USE,  /* somebody is at the primitive, or the judgement is old: another time
			      */
	GD__RECOVER_HELPED,  /* waits for a lock that one who is recovered may give up */
	GD__RECOVER_LATE,    /* it could be, but the program ends */
	GD__RECOVER_GONE     /* it does not wait there any more, or was served */
};

#endif
