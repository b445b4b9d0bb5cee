/** Whether the page is no frame of another. */
export const isTop = top === self;
