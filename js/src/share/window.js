/** Whether the page is at the top of its window, and not in a frame. */
export const isTop = top === self;
