/** What somebody is told whose frame is longer than a stranger's may be; the receivers see it in the frame's header. */
import { fail, helloFrameBytes } from "@parley/protocol";

export const helloTooLarge = fail("frame_too_large", `a frame has at most ${helloFrameBytes} bytes before login`).fault;
