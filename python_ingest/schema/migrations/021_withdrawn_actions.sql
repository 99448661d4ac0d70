-- An action that was told by mistake is withdrawn by telling it again (docs/adr/0180).
alter table raw.corporate_actions add column if not exists withdrawn boolean default false;
