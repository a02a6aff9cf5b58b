/** A longer answer is cut, and says so. */
const MESSAGE_CHARACTERS_MAX = 1_048_576;

/** Returns an agent's final answer as a task file can hold it. */
export function boundedMessage(message: string): string {
  const text = message.replaceAll("\0", "").toWellFormed();
  if (text.length <= MESSAGE_CHARACTERS_MAX) return text;
  const head = text.slice(0, MESSAGE_CHARACTERS_MAX).toWellFormed();
  return `${head}\n\n(${text.length - MESSAGE_CHARACTERS_MAX} more characters were left out.)`;
}
