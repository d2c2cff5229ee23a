from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("builds", "0003_count_log_lines")]

    operations = [
        migrations.AlterField(
            model_name="logchunk",
            name="line",
            field=models.PositiveBigIntegerField(help_text="lines that end before it"),
        ),
        migrations.AddIndex(
            model_name="logchunk",
            index=models.Index(fields=["build", "line", "offset"], name="log_by_line"),
        ),
    ]
