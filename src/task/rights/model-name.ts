/** The name of a model, of any provider. It never begins with a hyphen: codex would take it for one of its flags. */
export const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}$/;
