-- Deciding a million captions again writes a million verdicts: one index and one foreign key less each take about a quarter of the time.
-- Verdicts are looked up by caption, so that the key begins with it; policies are never deleted but with their corpus, whose captions take
-- their verdicts along.
alter table caption_verdicts drop constraint caption_verdicts_pkey;
alter table caption_verdicts add primary key (caption_id, policy_id);
alter table caption_verdicts drop constraint caption_verdicts_policy_id_fkey;
drop index caption_verdicts_caption;
