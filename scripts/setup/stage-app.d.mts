export const stageFolder: string;
